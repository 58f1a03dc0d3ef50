import { baseSchema, type SchemaModule } from '@holdfast/postgres';
import { claimFunction, renewFunction, settleFunction } from './idempotency-functions.ts';

const partitions = 8;

/**
 * One row per key. A row is over when its time is past and no claim of it stands. Pages are left half empty, so that the
 * end of a claim finds room beside it.
 */
const createTable = (schema: string): string => `
  create table ${schema}.idempotency (
    key text not null primary key,
    state text not null check (state in ('claimed', 'done', 'failed', 'released')),
    token bigint not null,
    owner text not null,
    fingerprint text not null,
    lease_until timestamptz not null,
    expires_at timestamptz not null,
    result text
  ) partition by hash (key);
  ${Array.from(
    { length: partitions },
    (_, remainder) => `
  create table ${schema}.idempotency_${remainder} partition of ${schema}.idempotency
    for values with (modulus ${partitions}, remainder ${remainder})
    with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);`,
  ).join('')}
  create index idempotency_expires_at on ${schema}.idempotency (expires_at);
`;

/** The tables of idempotency keys. Give it to `migrate`. */
export const idempotencySchema: SchemaModule = {
  name: 'idempotency',
  needs: [baseSchema],
  migrations: [
    {
      version: 1,
      name: 'keys',
      sql: (schema) => [createTable, claimFunction, renewFunction, settleFunction].map((sql) => sql(schema)).join(''),
    },
  ],
};
