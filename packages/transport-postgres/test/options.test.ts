import assert from 'node:assert/strict';
import { InvalidOptionError } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { type PostgresTransportOptions, postgresTransport } from '@holdfast/transport-postgres';

/** Never asked: what is wrong is found before. */
const database = {} as Database<never>;

describe('the options of the Postgres transport', () => {
  it('are refused by name when they cannot work, or are not known', () => {
    const wrongs: readonly (readonly [string, Partial<PostgresTransportOptions<never>>])[] = [
      ['partitions', { partitions: 0 }],
      ['leaseMs', { leaseMs: 1 }],
      ['retentionMs', { retentionMs: -1 }],
      ['holdForSlowGroupsMs', { holdForSlowGroupsMs: 0.5 }],
      ['retention', { retention: 1 } as object],
    ];
    for (const [option, wrong] of wrongs) {
      assert.throws(
        () => postgresTransport({ database, ...wrong }),
        (error) => error instanceof InvalidOptionError && error.option === option,
      );
    }
  });
});
