import { leaseTables } from './lease-schema.ts';
import type { SchemaModule } from './schema-module.ts';

/** What every other module needs: the clock, and leases. */
export const baseSchema: SchemaModule = {
  name: 'base',
  migrations: [
    { version: 1, name: 'clock', sql: (schema) => clock(schema) },
    { version: 2, name: 'leases', sql: leaseTables },
  ],
};

/** All our SQL reads the time here. Tests move it for a session: `set holdfast.clock_offset = '1 hour'`. */
const clock = (schema: string): string => `
create function ${schema}.now() returns timestamptz language sql volatile as $$
  select clock_timestamp() + coalesce(nullif(current_setting('holdfast.clock_offset', true), '')::interval, interval '0')
$$;
comment on function ${schema}.now() is
  'The time, moved by the setting holdfast.clock_offset (an interval; for tests). All of Holdfast''s SQL reads it here.';
`;
