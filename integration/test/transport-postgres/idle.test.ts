import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack } from '@holdfast/core';
import { type Database, pgDatabase } from '@holdfast/postgres';
import { postgresTransport } from '@holdfast/transport-postgres';
import type { PoolClient } from 'pg';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestLog, type TestLog } from './test-log.ts';

describe('a subscription that has nothing to do', () => {
  let log: TestLog;
  before(async () => {
    log = await openTestLog();
  });
  after(() => log.close());

  it('costs at most two statements a second, leases included, and still hears of a message at once', async () => {
    let statements = 0;
    const { execute, ...rest } = pgDatabase(log.pool);
    const database: Database<PoolClient> = {
      ...rest,
      execute: (...call) => {
        statements++;
        return execute(...call);
      },
    };
    const transport = postgresTransport({ database, runtime: log.runtime });
    const arrived: number[] = [];
    await transport.subscribe(
      ['quiet'],
      async () => {
        arrived.push(performance.now());
        return ack;
      },
      { group: 'g', from: 'latest' },
    );
    // What is new is looked for often at first.
    await sleep(3_000);
    statements = 0;
    await sleep(4_000);
    assert.ok(statements <= 8, `${statements} statements in 4 seconds`);
    const other = log.open();
    await other.topology.apply({ topics: { quiet: {} } });
    const sent = performance.now();
    await other.publish('quiet', [messageOf('x')]);
    await eventually(() => assert.equal(arrived.length, 1), { everyMs: 5 });
    const waitedMs = (arrived[0] ?? 0) - sent;
    assert.ok(waitedMs < 500, `${waitedMs} ms`);
    await transport.close();
  });
});
