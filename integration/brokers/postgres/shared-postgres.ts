import { sharedServer } from '../shared-server.ts';
import { environmentPostgres } from './environment-postgres.ts';
import { ownPostgres } from './own-postgres.ts';

/** The one Postgres of this run: that of HOLDFAST_POSTGRES_URL, else a new one. Never stop it: others use it. */
export const sharedPostgres = sharedServer({
  name: 'Postgres',
  variable: 'HOLDFAST_POSTGRES_URL',
  environment: environmentPostgres,
  own: () => ownPostgres(),
});
