import { transportSuite } from '@holdfast/conformance';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import { Pool } from 'pg';
import { type FreshDatabase, freshDatabase } from '../../harness/index.ts';

describe('transport-postgres', () => {
  let fresh: FreshDatabase;
  let pool: Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = new Pool({ connectionString: fresh.url, max: 10 });
    await migrate(pgDatabase(pool), [postgresTransportSchema]);
  });
  after(async () => {
    await pool.end();
    await fresh.drop();
  });

  transportSuite(
    {
      name: 'postgres',
      create: (runtime) => postgresTransport({ database: pgDatabase(pool, { runtime }), runtime, leaseMs: 2_000 }),
      capabilities: {
        durable: true,
        replay: true,
        seek: true,
        failsSuffix: true,
        maxHoldMs: 3_600_000,
        maxBodyBytes: 1_048_576,
        balances: true,
      },
    },
    { describe, it, afterEach },
  );
});
