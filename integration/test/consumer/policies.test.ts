import assert from 'node:assert/strict';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import {
  createPublisher,
  createRuntime,
  type Message,
  silentLog,
  sleep,
  systemClock,
  type Transport,
} from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { bulkhead, circuitBreaker, constant, tenantBulkhead } from '@holdfast/policies';
import { memoryTransport } from '@holdfast/transport-memory';
import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';

const runtime = createRuntime({ log: silentLog });
const neverAborts = new AbortController().signal;

for (const on of ['memory, without a database', 'postgres'] as const) {
  describe(`a consumer with policies, over ${on}`, () => {
    const parks = on === 'postgres';
    let db: TestDatabase;
    let transport: Transport;
    let consumer: Consumer<pg.PoolClient>;
    beforeEach(async () => {
      db = await openDatabase({ modules: [inboxSchema, postgresTransportSchema] });
      transport = parks
        ? postgresTransport({ database: db.database, runtime })
        : memoryTransport({ topics: { orders: { partitions: 2 } }, runtime });
      if (parks) await transport.topology.apply({ topics: { orders: { partitions: 2 } } });
    });
    afterEach(async () => {
      await consumer.close();
      await transport.close();
      await db.close();
    });

    const create = (options: Partial<ConsumerOptions<pg.PoolClient>>): void => {
      consumer = createConsumer({
        ...{ transport, group: 'billing', from: 'earliest', runtime },
        ...(parks && { database: db.database }),
        retry: { attempts: 2, backoff: constant({ delayMs: 5 }) },
        ...options,
      } as ConsumerOptions<pg.PoolClient>);
    };
    const place = (customer: string, no: number): Promise<Message> =>
      createPublisher(transport).publish(OrderPlaced, { customer, no }, { id: `${customer}-${no}` });

    it('P8: pauses its source while the breaker is open, spends no attempt, and goes on in order when it lets through again', async () => {
      const breaker = circuitBreaker({ failures: 3, openForMs: 150, rampMs: 100, runtime });
      create({ breaker, retry: { attempts: 8, backoff: constant({ delayMs: 5 }) } });
      let down = true;
      let calls = 0;
      const ran: string[] = [];
      consumer.on(OrderPlaced, async (_, { message }) => {
        calls++;
        if (down) throw new Error('down');
        ran.push(message.id);
      });
      await consumer.start();
      for (let no = 1; no <= 3; no++) for (const customer of ['a', 'b', 'c', 'd', 'e']) await place(customer, no);
      await eventually(() => assert.match(consumer.health().reasons.join(), /paused: the circuit breaker is open/));
      const opened = calls;
      const from = performance.now();
      await eventually(() => assert.ok(calls >= opened + 3, 'trials'));
      assert.ok(calls <= opened + 2 + (performance.now() - from) / 150, 'a trial at a time');
      down = false;
      await eventually(() => assert.equal(ran.length, 15), { timeoutMs: 20_000 });
      for (const customer of ['a', 'b', 'c', 'd', 'e']) {
        assert.deepEqual(
          ran.filter((id) => id.startsWith(customer)),
          [1, 2, 3].map((no) => `${customer}-${no}`),
        );
      }
      const { rejected, handedBack } = consumer.stats();
      assert.deepEqual([rejected, handedBack], [0, 0]);
      await eventually(() => assert.doesNotMatch(consumer.health().reasons.join(), /paused/));
    });

    it('P8: pauses its source while its bulkhead is full, and spends no attempt', async () => {
      const shared = bulkhead({ slots: 1, queue: 0, runtime });
      create({ bulkhead: shared });
      const ran: string[] = [];
      consumer.on(OrderPlaced, async (_, { message, attempt }) => {
        assert.equal(attempt, 1);
        ran.push(message.id);
      });
      await consumer.start();
      const busy = Promise.withResolvers<void>();
      const holding = shared(() => busy.promise, neverAborts);
      await eventually(() => assert.match(consumer.health().reasons.join(), /paused: the bulkhead is full/));
      for (let no = 1; no <= 4; no++) await place('ada', no);
      await sleep(systemClock, 300);
      assert.deepEqual(ran, []);
      busy.resolve();
      await holding;
      await eventually(() => assert.deepEqual(ran, ['ada-1', 'ada-2', 'ada-3', 'ada-4']));
      assert.equal(consumer.stats().rejected, 0);
    });

    it(`P8: ${parks ? 'parks the keys of a tenant whose bulkhead is full, and lets others flow' : 'pauses its source while the bulkhead of a tenant is full'}`, async () => {
      const tenants = tenantBulkhead({ slots: 1, queue: 0, key: () => '', runtime });
      create({ bulkhead: tenants, tenantOf: ({ key = '' }) => key.split(':')[0] ?? '' });
      const noisy = Promise.withResolvers<void>();
      const ran: string[] = [];
      const attempts = new Set<number>();
      let paused = false;
      consumer.on(OrderPlaced, async ({ customer }, { message, attempt }) => {
        attempts.add(attempt);
        if (customer.startsWith('noisy')) await noisy.promise;
        ran.push(message.id);
      });
      await consumer.start();
      for (let no = 1; no <= 2; no++) for (const key of ['1', '2', '3']) await place(`noisy:${key}`, no);
      if (parks) {
        const parked = 'select count(*) from holdfast.inbox_sequences';
        await eventually(async () => assert.equal(await db.count(parked), 2));
        for (let no = 1; no <= 3; no++) await place('quiet:1', no);
        await eventually(() => assert.deepEqual(ran, ['quiet:1-1', 'quiet:1-2', 'quiet:1-3']));
        assert.doesNotMatch(consumer.health().reasons.join(), /paused/);
      } else {
        await eventually(() => {
          paused ||= consumer.health().reasons.join().includes("paused: a tenant's bulkhead is full");
          assert.ok(paused);
        });
      }
      noisy.resolve();
      await eventually(() => assert.equal(ran.filter((id) => id.startsWith('noisy')).length, 6), { timeoutMs: 20_000 });
      for (const key of ['1', '2', '3']) {
        const mine = ran.filter((id) => id.startsWith(`noisy:${key}`));
        assert.deepEqual(mine, [`noisy:${key}-1`, `noisy:${key}-2`]);
      }
      assert.deepEqual([...attempts], [1]);
      assert.equal(consumer.stats().rejected, 0);
    });
  });
}
