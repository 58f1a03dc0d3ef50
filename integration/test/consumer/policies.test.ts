import assert from 'node:assert/strict';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import { createPublisher, createRuntime, type Message, silentLog, sleep, systemClock } from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { bulkhead, circuitBreaker, constant, tenantBulkhead } from '@holdfast/policies';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { openTopic, type TestTopic } from './open-topic.ts';

const runtime = createRuntime({ log: silentLog });
const neverAborts = new AbortController().signal;

for (const on of ['memory', 'postgres', 'kafka', 'rabbitmq', 'redis'] as const) {
  // Without a database nothing can be parked.
  const parks = on !== 'memory';
  describe(`a consumer with policies over ${on}, ${parks ? 'with' : 'without'} a database`, () => {
    let db: TestDatabase;
    let topic: TestTopic;
    let consumer: Consumer<pg.PoolClient>;
    beforeEach(async function () {
      // The first to need it starts the broker.
      this.timeout(60_000);
      db = await openDatabase({ modules: [inboxSchema] });
      topic = await openTopic(on, { partitions: 2, groups: ['billing'], runtime });
    });
    afterEach(async () => {
      await consumer.close();
      await topic.close();
      await db.close();
    });

    const create = (options: Partial<ConsumerOptions<pg.PoolClient>>): void => {
      consumer = createConsumer({
        ...{ transport: topic.transport, group: 'billing', from: topic.from, runtime },
        ...(parks && { database: db.database }),
        retry: { attempts: 2, backoff: constant({ delayMs: 5 }) },
        ...options,
      } as ConsumerOptions<pg.PoolClient>);
    };
    const place = (customer: string, no: number): Promise<Message> =>
      createPublisher(topic.transport).publish(topic.contract, { customer, no }, { id: `${customer}-${no}` });

    it('P8: pauses its source while the breaker is open, spends no attempt, and goes on in order when it lets through again', async () => {
      const breaker = circuitBreaker({ failures: 3, openForMs: 150, rampMs: 100, runtime });
      create({ breaker, retry: { attempts: 8, backoff: constant({ delayMs: 5 }) } });
      let down = true;
      let calls = 0;
      const ran: string[] = [];
      consumer.on(topic.contract, async (_, { message }) => {
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
      consumer.on(topic.contract, async (_, { message, attempt }) => {
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

    it('P8: comes back slowly after its bulkhead was full: with one handler, then with more', async () => {
      const shared = bulkhead({ slots: 4, queue: 0, runtime });
      create({ bulkhead: shared, concurrency: 8 });
      const running: (() => void)[] = [];
      const attempts = new Set<number>();
      let ran = 0;
      consumer.on(topic.contract, async (_, { attempt }) => {
        attempts.add(attempt);
        await new Promise<void>((resolve) => running.push(resolve));
        ran++;
      });
      await consumer.start();
      const busy = Promise.withResolvers<void>();
      const holding = Array.from({ length: 4 }, () => shared(() => busy.promise, neverAborts));
      for (let no = 1; no <= 12; no++) await place(`customer ${no}`, 1);
      await sleep(systemClock, 300);
      busy.resolve();
      await Promise.all(holding);
      for (const together of [1, 2, 4]) {
        await eventually(() => assert.equal(running.length, together));
        await sleep(systemClock, 200);
        assert.equal(running.length, together);
        for (const end of running.splice(0)) end();
      }
      await eventually(() => {
        for (const end of running.splice(0)) end();
        assert.equal(ran, 12);
      });
      assert.deepEqual([...attempts], [1]);
    });

    for (const queue of [0, 20]) {
      it(`P8: lets other tenants flow while one fills its bulkhead with a queue of ${queue}, and ${parks ? 'parks its keys' : 'holds its keys in process'}`, async () => {
        const tenants = tenantBulkhead({ slots: 2, queue, key: () => '', runtime });
        create({ bulkhead: tenants, tenantOf: ({ key = '' }) => key.split(':')[0] ?? '', concurrency: 4 });
        const noisy = Promise.withResolvers<void>();
        const ran: string[] = [];
        const attempts = new Set<number>();
        consumer.on(topic.contract, async ({ customer }, { message, attempt }) => {
          attempts.add(attempt);
          if (customer.startsWith('noisy')) await noisy.promise;
          ran.push(message.id);
        });
        await consumer.start();
        const keys = Array.from({ length: 12 }, (_, at) => `noisy:${at}`);
        for (const no of [1, 2]) for (const key of keys) await place(key, no);
        if (parks) {
          const parked = 'select count(*) from holdfast.inbox_sequences';
          await eventually(async () => assert.ok((await db.count(parked)) >= keys.length - 2 - (queue > 0 ? 4 : 0)));
        }
        for (let no = 1; no <= 5; no++) for (const key of ['1', '2']) await place(`quiet:${key}`, no);
        await eventually(() => assert.equal(ran.length, 10));
        for (const key of ['1', '2']) {
          const mine = ran.filter((id) => id.startsWith(`quiet:${key}`));
          assert.deepEqual(
            mine,
            [1, 2, 3, 4, 5].map((no) => `quiet:${key}-${no}`),
          );
        }
        assert.match(consumer.health().reasons.join(), /tenant 'noisy' has its slots taken/);
        assert.doesNotMatch(consumer.health().reasons.join(), /paused/);
        assert.ok(consumer.health().ready);
        noisy.resolve();
        await eventually(() => assert.equal(ran.length, 10 + 2 * keys.length), { timeoutMs: 20_000 });
        for (const key of keys) {
          const mine = ran.filter((id) => id.startsWith(`${key}-`));
          assert.deepEqual(mine, [`${key}-1`, `${key}-2`]);
        }
        assert.deepEqual([...attempts], [1]);
        assert.equal(consumer.stats().rejected, 0);
      });
    }
  });
}

describe("a consumer with a bulkhead per tenant and inbox: 'store-first'", () => {
  let db: TestDatabase;
  let topic: TestTopic;
  beforeEach(async () => {
    db = await openDatabase({ modules: [inboxSchema] });
    topic = await openTopic('postgres', { partitions: 2, groups: ['billing'], runtime });
  });
  afterEach(async () => {
    await topic.close();
    await db.close();
  });

  it('P8: lets other tenants flow, however much of a full one is stored', async () => {
    const tenants = tenantBulkhead({ slots: 2, queue: 5, key: () => '', runtime });
    await using consumer = createConsumer<pg.PoolClient>({
      ...{ transport: topic.transport, database: db.database, group: 'billing', from: topic.from, runtime },
      ...{
        inbox: 'store-first',
        bulkhead: tenants,
        tenantOf: ({ key = '' }) => key.split(':')[0] ?? '',
        concurrency: 4,
      },
    });
    const noisy = Promise.withResolvers<void>();
    const ran: string[] = [];
    consumer.on(topic.contract, async ({ customer }, { message }) => {
      if (customer.startsWith('noisy')) await noisy.promise;
      ran.push(message.id);
    });
    await consumer.start();
    const publisher = createPublisher(topic.transport);
    const place = (customer: string, no: number): Promise<Message> =>
      publisher.publish(topic.contract, { customer, no }, { id: `${customer}-${no}` });
    const keys = Array.from({ length: 200 }, (_, at) => `noisy:${at}`);
    for (const no of [1, 2]) await Promise.all(keys.map((key) => place(key, no)));
    const stored = 'select count(*) from holdfast.inbox_messages';
    await eventually(async () => assert.equal(await db.count(stored), 2 * keys.length));
    for (let no = 1; no <= 5; no++) for (const key of ['1', '2']) await place(`quiet:${key}`, no);
    await eventually(() => assert.equal(ran.length, 10), { timeoutMs: 20_000 });
    for (const key of ['1', '2']) {
      const mine = ran.filter((id) => id.startsWith(`quiet:${key}`));
      assert.deepEqual(
        mine,
        [1, 2, 3, 4, 5].map((no) => `quiet:${key}-${no}`),
      );
    }
    noisy.resolve();
    await eventually(() => assert.equal(ran.length, 10 + 2 * keys.length), { timeoutMs: 30_000 });
    for (const key of keys) {
      const mine = ran.filter((id) => id.startsWith(`${key}-`));
      assert.deepEqual(mine, [`${key}-1`, `${key}-2`]);
    }
    assert.equal(consumer.stats().rejected, 0);
  }).timeout(60_000);
});
