import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createPublisher, createRuntime, silentLog, type Transport } from '@holdfast/core';
import { createDeadLetters, deadLetterSchema } from '@holdfast/dead-letter';
import { inboxSchema } from '@holdfast/inbox';
import { postgresTransportSchema } from '@holdfast/transport-postgres';
import { type Child, eventually, spawnChild } from '../../harness/index.ts';
import { type BrokerServer, startBroker } from '../crash/broker-server.ts';
import { OrderPlaced } from '../crash/contracts.ts';
import { openTransport } from '../crash/roles/open-transport.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';

const module = new URL('children/killer.ts', import.meta.url);
const customers = 200;
const poison = 'c-100/1';

/** Two of each customer. */
const publishOrders = async (transport: Transport, topic: string): Promise<void> => {
  const publisher = createPublisher(transport);
  for (let no = 1; no <= 2; no++) {
    const publish = (_: unknown, at: number) =>
      publisher.publish({ ...OrderPlaced, topic }, { customer: `c-${at}`, note: '' }, { id: `c-${at}/${no}` });
    await Promise.all(Array.from({ length: customers }, publish));
  }
};

for (const on of ['postgres', 'kafka', 'rabbitmq', 'redis'] as const) {
  describe(`a message that kills its consumer, over ${on}`, () => {
    const children: Child[] = [];
    let db: TestDatabase;
    let server: BrokerServer | undefined;
    let transport: Transport;
    let topic: string;
    before(async () => {
      server = on === 'postgres' ? undefined : await startBroker(on);
      db = await openDatabase({ modules: [inboxSchema, postgresTransportSchema] });
      topic = `orders-${randomUUID()}`;
      const runtime = createRuntime({ log: silentLog });
      transport = openTransport({ broker: server?.broker, database: db.database, leaseMs: 5_000, runtime });
      const from = transport.capabilities.replay ? 'earliest' : 'latest';
      await transport.topology.apply({ topics: { [topic]: { partitions: 2, groups: { billing: from } } } });
    }).timeout(60_000);
    after(async () => {
      await Promise.all(children.map((child) => child.close()));
      await transport.close();
      await db.close();
      await server?.close();
    });

    it('P8: is the one dead letter of two hundred that were in flight with it, and no innocent key is parked', async () => {
      await publishOrders(transport, topic);
      const argument = JSON.stringify({
        url: db.url,
        broker: server?.broker,
        poison,
        concurrency: 250,
        inbox: 'direct',
      });
      let deaths = 0;
      let innocent = true;
      const run = async (): Promise<void> => {
        for (;;) {
          const child = spawnChild(module, [argument], { HOLDFAST_CRASH_TOPIC: topic });
          children.push(child);
          const { code } = await child.ended;
          if (code !== 7) return;
          deaths++;
          innocent &&= (await db.count("select count(*) from holdfast.inbox_parked where lane <> 'c-100'")) === 0;
        }
      };
      const running = run();
      const dead = "select count(*) from holdfast.inbox_parked where state = 'dead'";
      await eventually(
        async () => {
          assert.equal(await db.count('select count(*) from effects'), 2 * (customers - 1));
          assert.equal(await db.count(dead), 1);
        },
        { timeoutMs: 90_000, everyMs: 200 },
      );
      const { rows } = await db.pool.query('select id, state, reason from holdfast.inbox_parked order by seq');
      assert.deepEqual(
        rows.map(({ id, state }) => [id, state]),
        [
          [poison, 'dead'],
          ['c-100/2', 'waiting'],
        ],
      );
      assert.match(rows[0]?.reason, /^crash_suspect: the process died 3 times/);
      assert.ok(innocent, 'an innocent key was parked');
      assert.ok(deaths >= 5 && deaths <= 7, `${deaths} deaths: one, one with starts recorded, three alone`);
      const together = children.flatMap(({ lines }) => lines.map(({ killing }) => Number(killing ?? 0)));
      assert.ok(Math.max(...together) >= 150, 'many others were in flight');
      await Promise.all(children.map((child) => child.close()));
      await running;
    }).timeout(120_000);
  });
}

describe('a stored message that kills its consumer', () => {
  const children: Child[] = [];
  let db: TestDatabase;
  let transport: Transport;
  let topic: string;
  before(async () => {
    db = await openDatabase({ modules: [deadLetterSchema, postgresTransportSchema] });
    topic = `orders-${randomUUID()}`;
    const runtime = createRuntime({ log: silentLog });
    transport = openTransport({ broker: undefined, database: db.database, leaseMs: 5_000, runtime });
    await transport.topology.apply({ topics: { [topic]: { partitions: 2, groups: { billing: 'earliest' } } } });
  }).timeout(60_000);
  after(async () => {
    await Promise.all(children.map((child) => child.close()));
    await transport.close();
    await db.close();
  });

  it('P8: is the one dead letter of two hundred that were in flight with it, its key goes on, and redriven it runs', async () => {
    await publishOrders(transport, topic);
    let deaths = 0;
    let killing = poison;
    const run = async (): Promise<void> => {
      for (;;) {
        const argument = JSON.stringify({ url: db.url, poison: killing, concurrency: 250, inbox: 'store-first' });
        const child = spawnChild(module, [argument], { HOLDFAST_CRASH_TOPIC: topic });
        children.push(child);
        const { code } = await child.ended;
        if (code !== 7) return;
        deaths++;
        // The shards of the dead are free at once.
        await db.pool.query(
          "update holdfast.leases set expires_at = '-infinity' where scope like 'relay inbox_messages%'",
        );
      }
    };
    const running = run();
    const letters = createDeadLetters({
      database: db.database,
      group: 'billing',
      by: 'test',
      runtime: { log: silentLog },
    });
    await eventually(
      async () => {
        assert.equal(await db.count('select count(*) from effects'), 2 * customers - 1);
        assert.equal((await letters.list()).length, 1);
      },
      { timeoutMs: 180_000, everyMs: 200 },
    );
    const [letter] = await letters.list();
    assert.deepEqual([letter?.id, letter?.state], [poison, 'passed']);
    assert.match(letter?.reason ?? '', /^crash_suspect: the process died 3 times/);
    assert.equal(await db.count('select count(*) from holdfast.inbox_messages_parked'), 0);
    assert.equal(await db.count('select count(*) from holdfast.inbox_messages_starts where deaths > 0'), 0);
    assert.ok(deaths >= 5 && deaths <= 7, `${deaths} deaths: one, one with suspects, three alone`);
    const together = children.flatMap(({ lines }) => lines.map(({ killing: with_ }) => Number(with_ ?? 0)));
    assert.ok(Math.max(...together) >= 50, `many others were in flight, at most ${Math.max(...together)}`);
    await Promise.all(children.map((child) => child.close()));
    await running;

    killing = 'nobody';
    await db.pool.query("update holdfast.leases set expires_at = '-infinity' where scope like 'relay inbox_messages%'");
    const again = run();
    assert.equal((await letters.redrive({ id: poison })).letters, 1);
    await eventually(async () => assert.equal(await db.count('select count(*) from effects'), 2 * customers), {
      timeoutMs: 60_000,
    });
    assert.deepEqual(await letters.list(), []);
    await Promise.all(children.map((child) => child.close()));
    await again;
  }).timeout(250_000);
});
