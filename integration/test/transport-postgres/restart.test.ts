import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, isHoldfastError, type Message } from '@holdfast/core';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import { Pool } from 'pg';
import { eventually, freshDatabase, ownPostgres, type PostgresServer } from '../../harness/index.ts';
import { messageOf, openTestLog, type TestLog } from './test-log.ts';

const schemaMissing = (error: unknown): boolean => isHoldfastError(error, 'schema_missing');

describe('the log when its database goes away', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let log: TestLog;
  before(async () => {
    server = await ownPostgres();
    log = await openTestLog(server);
  });
  after(async () => {
    await log.close();
    await server.close();
  });

  it('P2: nothing is lost and order holds when Postgres is stopped at once under load and started again', async () => {
    const [publisher, consumer] = [log.open(), log.open({ leaseMs: 2_000 })];
    await publisher.topology.apply({ topics: { orders: { partitions: 4 } } });
    const firsts = new Map<string, number[]>();
    const seen = new Set<string>();
    const subscription = await consumer.subscribe(
      ['orders'],
      async ({ message: { id, key = '' } }) => {
        if (!seen.has(id)) firsts.set(key, [...(firsts.get(key) ?? []), Number(id.split('-')[1])]);
        seen.add(id);
        return ack;
      },
      { group: 'g', from: 'earliest', maxInFlight: 200 },
    );
    let stopped = false;
    const publish = async (key: string): Promise<number> => {
      let n = 0;
      while (!stopped) {
        if (await stored(messageOf(`${key}-${n}`, key))) n++;
        else await sleep(20);
      }
      return n;
    };
    /** Again and again until it is known to be there: ids are stable, so copies may be stored. */
    const stored = (message: Message): Promise<boolean> =>
      publisher.publish('orders', [message]).then(
        () => true,
        () => false,
      );
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const publishing = Promise.all(keys.map(publish));
    for (let round = 0; round < 2; round++) {
      await eventually(() => assert.ok(seen.size > (round + 1) * 300), { timeoutMs: 20_000 });
      await server.stop('immediate');
      await sleep(300);
      await server.start();
    }
    const before = seen.size;
    await eventually(() => assert.ok(seen.size > before + 300), { timeoutMs: 20_000 });
    stopped = true;
    const counts = await publishing;
    await eventually(
      () =>
        assert.deepEqual(
          keys.map((key) => firsts.get(key)?.length),
          counts,
        ),
      { timeoutMs: 20_000 },
    );
    for (const [key, numbers] of firsts)
      assert.deepEqual(
        numbers,
        numbers.map((_, n) => n),
        `key ${key}`,
      );
    await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
  });

  it('P2: what is published after a failover that lost the end of the log is delivered', async () => {
    const seen: string[] = [];
    const topics = { tail: { partitions: 1 } };
    const [publisher, consumer] = [log.open({ topics }), log.open({ topics, leaseMs: 30_000 })];
    const subscription = await consumer.subscribe(
      ['tail'],
      async ({ message }) => {
        seen.push(message.id);
        return ack;
      },
      { group: 'g', from: 'earliest' },
    );
    const before = ['a1', 'a2', 'a3', 'a4', 'a5'];
    await publisher.publish(
      'tail',
      before.map((id) => messageOf(id, 'k')),
    );
    const stored = `from holdfast.log_topics t where t.name = 'tail' and t.id = topic_id`;
    await eventually(async () => {
      const rows = await log.rows(`select settled_to::int from holdfast.log_positions where exists (select ${stored})`);
      assert.deepEqual([seen, rows], [before, [{ settled_to: 5 }]]);
    });
    // What a standby shows that was promoted before the last two messages, and what came of them, had reached it.
    await log.rows(`delete from holdfast.log where position > 3 and exists (select ${stored})`);
    await log.rows(`update holdfast.log_positions set settled_to = 3 where exists (select ${stored})`);
    await server.stop('fast');
    await server.start();
    const after = ['b1', 'b2', 'b3'];
    for (const id of after) await eventually(() => publisher.publish('tail', [messageOf(id, 'k')]));
    await eventually(() => assert.deepEqual([...new Set(seen)], [...before, ...after]), { timeoutMs: 20_000 });
    await eventually(() => assert.equal(subscription.health().ready, true));
  });

  it('publishes to a topic again that a failover has lost, and ends a subscription whose group it has lost', async () => {
    const topics = { lost: { partitions: 1 } };
    const [publisher, consumer] = [log.open({ topics }), log.open({ topics, leaseMs: 2_000 })];
    await publisher.publish('lost', [messageOf('a1')]);
    const subscription = await consumer.subscribe(['lost'], async () => ack, { group: 'g', from: 'earliest' });
    const ofTopic = `in (select id from holdfast.log_topics where name = 'lost')`;
    for (const table of ['log', 'log_positions', 'log_partitions'])
      await log.rows(`delete from holdfast.${table} where topic_id ${ofTopic}`);
    await log.rows(`delete from holdfast.log_topics where name = 'lost'`);
    const ended = assert.rejects(subscription.closed, (error) => isHoldfastError(error, 'group_missing'));
    await server.stop('fast');
    await server.start();
    await eventually(() => publisher.publish('lost', [messageOf('a2')]));
    await ended;
  });

  it('P6: is not ready while the database is gone, says so, and closes all the same', async () => {
    const transport = log.open({ leaseMs: 1_000 });
    const subscription = await transport.subscribe(['gone'], async () => ack, { group: 'g', from: 'latest' });
    await eventually(() => assert.equal(subscription.health().ready, true));
    await server.stop('fast');
    try {
      await eventually(() => assert.equal(subscription.health().ready, false));
      assert.ok(subscription.health().reasons.length > 0);
      assert.equal(subscription.health().live, true);
      const started = performance.now();
      await transport.close({ deadlineMs: 1_500 });
      assert.ok(performance.now() - started < 2_500, 'close took longer than its deadline');
      await subscription.closed;
    } finally {
      await server.start();
    }
  });

  it('P7: close ends by its deadline while the database answers nothing', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { frozen: { partitions: 1 } } });
    await transport.subscribe(['frozen'], async () => ack, { group: 'g', from: 'latest' });
    await server.pause();
    try {
      const published = transport.publish('frozen', [messageOf('x')]).catch(() => {});
      const started = performance.now();
      await transport.close({ deadlineMs: 1_000 });
      assert.ok(performance.now() - started < 2_000, 'close took longer than its deadline');
      await server.resume();
      await published;
    } finally {
      await server.resume();
    }
  });

  it('cannot be begun without its tables', async () => {
    const fresh = await freshDatabase(server);
    const transport = log.open({}, fresh.url);
    await assert.rejects(
      transport.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' }),
      schemaMissing,
    );
    await transport.close();
  });

  for (const at of ['while it takes up its partitions', 'while it reads'])
    it(`ends with the reason when its tables are gone ${at}`, async () => {
      const fresh = await freshDatabase(server);
      const pool = new Pool({ connectionString: fresh.url });
      const database = pgDatabase(pool);
      await migrate(database, [postgresTransportSchema]);
      const transport = postgresTransport({ database, runtime: log.runtime });
      try {
        const subscription = await transport.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' });
        if (at === 'while it reads') await eventually(() => assert.equal(subscription.health().ready, true));
        await pool.query('drop schema holdfast cascade');
        await assert.rejects(subscription.closed, schemaMissing);
        assert.equal(subscription.health().live, false);
      } finally {
        await transport.close();
        await pool.end();
        await fresh.drop();
      }
    });
});
