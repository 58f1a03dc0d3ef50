import assert from 'node:assert/strict';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import { createRuntime, isHoldfastError, type Message, silentLog } from '@holdfast/core';
import { createIdempotency, type IdempotencyStore, memoryIdempotencyStore } from '@holdfast/idempotency';
import { constant } from '@holdfast/policies';
import { pgDatabase } from '@holdfast/postgres';
import { memoryTransport } from '@holdfast/transport-memory';
import { Pool } from 'pg';
import { eventually } from '../../harness/index.ts';
import { freshPlace, openStore } from '../idempotency/open-store.ts';
import { OrderPlaced } from './contracts.ts';
import { openTopic, type TestTopic, type TransportName } from './open-topic.ts';

const runtime = createRuntime({ log: silentLog });

const worlds: readonly { readonly on: TransportName; readonly keys: 'memory' | 'redis' | 'postgres' }[] = [
  { on: 'memory', keys: 'memory' },
  { on: 'postgres', keys: 'postgres' },
  { on: 'kafka', keys: 'redis' },
  { on: 'rabbitmq', keys: 'postgres' },
  { on: 'redis', keys: 'redis' },
];

interface Keys {
  readonly store: IdempotencyStore;
  close(): Promise<void>;
}

const openKeys = async (kind: 'memory' | 'redis' | 'postgres'): Promise<Keys> => {
  if (kind === 'memory') return { store: memoryIdempotencyStore(), close: async () => {} };
  const place = await freshPlace(kind);
  const { store, close } = openStore(kind, place);
  return {
    store,
    close: async () => {
      await close();
      await place.drop();
    },
  };
};

for (const { on, keys } of worlds) {
  describe(`a consumer that deduplicates over ${on}, by keys in ${keys}`, () => {
    let world: TestTopic & Pick<Keys, 'store'>;
    let closeKeys: () => Promise<void>;
    let consumers: Consumer<never>[];
    let published: number;
    beforeEach(async function () {
      // The first to need it starts the broker.
      this.timeout(60_000);
      const { store, close } = await openKeys(keys);
      closeKeys = close;
      world = { ...(await openTopic(on, { partitions: 4, groups: ['billing', 'batches'], runtime })), store };
      consumers = [];
      published = 0;
    });
    afterEach(async () => {
      await Promise.all(consumers.map((consumer) => consumer.close({ deadlineMs: 1_000 })));
      await world.close();
      await closeKeys();
    });

    const consume = (options: Partial<ConsumerOptions<never>> = {}): Consumer<never> => {
      const consumer = createConsumer({
        ...{ transport: world.transport, group: 'billing', from: world.from, runtime },
        deduplicate: { store: world.store, leaseMs: 600 },
        retry: { attempts: 3, backoff: constant({ delayMs: 10 }) },
        ...options,
      });
      consumers.push(consumer);
      return consumer;
    };
    const order = (no: number, id = `${no}-${crypto.randomUUID()}`): Message => ({
      ...{ id, type: 'order.placed', key: 'ada', headers: { 'content-type': 'application/json', version: '1' } },
      body: new TextEncoder().encode(JSON.stringify({ customer: 'ada', no })),
    });
    const publish = async (...messages: Message[]): Promise<void> => {
      published += messages.length;
      await world.transport.publish(world.topic, messages);
    };
    /** Every message that was published has been settled. */
    const settled = (consumer: Consumer<never>) =>
      eventually(
        () => {
          const { acked, duplicates, rejected } = consumer.stats();
          assert.equal(acked + duplicates + rejected, published);
        },
        { timeoutMs: 10_000 },
      );

    it('P4: handles a message once, however often it comes, in batches too', async () => {
      const handled: number[] = [];
      const consumer = consume().on(world.contract, async ({ no }) => void handled.push(no));
      await consumer.start();
      const messages = [1, 2, 3].map((no) => order(no));
      for (let copy = 0; copy < 4; copy++) await publish(...messages);
      await settled(consumer);
      assert.deepEqual(handled, [1, 2, 3]);
      assert.equal(consumer.stats().duplicates, 9);

      const batched: number[] = [];
      const other = consume({ group: 'batches' }).onBatch(
        world.contract,
        async (batch) => void batched.push(...batch.map(({ payload }) => payload.no)),
        { maxSize: 10 },
      );
      await other.start();
      await settled(other);
      assert.deepEqual(batched, [1, 2, 3]);
    });

    it('P2: hands over again what failed, and gives its claim back; a dead letter may be run again', async () => {
      const attempts: number[] = [];
      let fails = 2;
      const consumer = consume().on(world.contract, async (_order, { attempt }) => {
        attempts.push(attempt);
        if (fails-- > 0) throw new Error('busy');
      });
      await consumer.start();
      await publish(order(1));
      await settled(consumer);
      assert.deepEqual(attempts, [1, 2, 3]);
      fails = 3;
      const poison = order(2, 'poison');
      await publish(poison);
      await settled(consumer);
      assert.equal(consumer.stats().rejected, 1);
      await publish(poison);
      await settled(consumer);
      assert.deepEqual([attempts.length, consumer.stats().duplicates], [7, 0]);
    });

    it('P4: waits for a copy that is handled elsewhere, spends no attempt, and goes by what became of it', async () => {
      const elsewhere = createIdempotency({ store: world.store, leaseMs: 2_000, runtime });
      const [done, died] = [order(1, 'done'), order(2, 'died')];
      const [first] = await elsewhere.claimMany([{ key: 'consumer:billing:done' }]);
      // Of a process that has died: nobody renews it.
      const request = { key: 'consumer:billing:died', owner: 'x', fingerprint: '', leaseMs: 600, ttlMs: 60_000 };
      await world.store.claim([request]);
      const handled: string[] = [];
      const consumer = consume().on(
        world.contract,
        async ({ no }, { attempt }) => void handled.push(`${no}, ${attempt}`),
      );
      await consumer.start();
      await publish(done, died);
      await eventually(() => assert.ok(consumer.stats().retried > 0));
      assert.ok(first?.outcome === 'won');
      await first.complete();
      await settled(consumer);
      assert.deepEqual(handled, ['2, 1']);
      assert.equal(consumer.stats().duplicates, 1);
    });

    it('P4: aborts the handler whose claim is lost, and spends no attempt', async () => {
      const claimed: { key: string; token: string }[] = [];
      const store: IdempotencyStore = {
        ...world.store,
        claim: async (requests) => {
          const answers = await world.store.claim(requests);
          for (const [at, answer] of answers.entries()) {
            if (answer.outcome === 'won') claimed.push({ key: requests[at]?.key ?? '', token: answer.token });
          }
          return answers;
        },
      };
      const reasons: unknown[] = [];
      const attempts: number[] = [];
      const tokens: unknown[] = [];
      const consumer = consume({ deduplicate: { store, leaseMs: 600 } }).on(
        world.contract,
        async (_order, { signal, attempt, claimToken }) => {
          attempts.push(attempt);
          tokens.push(claimToken);
          if (attempts.length > 1) return;
          await world.store.settle(claimed.map((id) => ({ ...id, ttlMs: 1, end: { outcome: 'released' } })));
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          reasons.push(signal.reason);
          throw new Error('it was stopped');
        },
      );
      await consumer.start();
      await publish(order(1));
      await settled(consumer);
      assert.ok(isHoldfastError(reasons[0], 'lease_lost'));
      assert.deepEqual(attempts, [1, 1]);
      assert.deepEqual(
        tokens,
        claimed.map(({ token }) => token),
      );
      assert.ok(BigInt(claimed[0]?.token ?? 0) < BigInt(claimed[1]?.token ?? 0));
      assert.equal(consumer.stats().acked, 1);
    });

    it('P6: handles nothing while the store does not answer, says so, and spends no attempt', async () => {
      let gone = true;
      const through =
        <In, Out>(call: (calls: readonly In[]) => Promise<Out>) =>
        async (calls: readonly In[]): Promise<Out> => {
          if (gone) throw new Error('no connection');
          return call(calls);
        };
      const { claim, renew, settle, find } = world.store;
      const store = { claim: through(claim), renew: through(renew), settle: through(settle), find: through(find) };
      const attempts: number[] = [];
      const consumer = consume({ deduplicate: { store } }).on(
        world.contract,
        async (_order, { attempt }) => void attempts.push(attempt),
      );
      await consumer.start();
      await publish(order(1));
      await eventually(() => assert.match(consumer.health().reasons.join(), /cannot be deduplicated: .*no connection/));
      assert.equal(consumer.health().ready, false);
      gone = false;
      await settled(consumer);
      assert.deepEqual(attempts, [1]);
      assert.equal(consumer.health().ready, true);
    });

    it('P3: keeps the order of a key while two consumers share the group and everything comes twice', async () => {
      const handled: string[] = [];
      const sharing = [consume(), consume()];
      for (const consumer of sharing) {
        consumer.on(world.contract, async ({ customer, no }) => {
          if (Math.random() < 0.1) throw new Error('busy');
          handled.push(`${customer} ${no}`);
        });
        await consumer.start();
      }
      for (let no = 0; no < 20; no++) {
        for (const key of ['ada', 'bob', 'eve']) {
          const body = new TextEncoder().encode(JSON.stringify({ customer: key, no }));
          const message = { ...order(no), key, body };
          await publish(message, message);
        }
      }
      await eventually(
        () => {
          const stats = sharing.map((consumer) => consumer.stats());
          assert.equal(
            stats.reduce((sum, { acked, duplicates, rejected }) => sum + acked + duplicates + rejected, 0),
            published,
          );
        },
        { timeoutMs: 15_000 },
      );
      const rejected = sharing.reduce((sum, consumer) => sum + consumer.stats().rejected, 0);
      for (const key of ['ada', 'bob', 'eve']) {
        const numbers = handled.filter((line) => line.startsWith(key)).map((line) => Number(line.split(' ')[1]));
        assert.deepEqual(
          numbers,
          [...new Set(numbers)].sort((a, b) => a - b),
        );
      }
      assert.ok(handled.length >= 60 - rejected);
    });
  });
}

describe('the option deduplicate', () => {
  const transport = memoryTransport({ topics: { orders: { partitions: 4 } }, runtime });
  after(() => transport.close());
  const common = { transport, group: 'billing', from: 'earliest', runtime } as const;
  const refused = (option: string) => (error: unknown) =>
    isHoldfastError(error, 'invalid_option') && 'option' in error && error.option === option;

  it('is refused beside a database, whose inbox does the same, and where it cannot work', () => {
    const store = memoryIdempotencyStore();
    const database = pgDatabase(new Pool());
    assert.throws(() => createConsumer({ ...common, database, deduplicate: { store } }), refused('deduplicate'));
    const none = {} as { store: IdempotencyStore };
    assert.throws(() => createConsumer({ ...common, deduplicate: none }), refused('deduplicate.store'));
    const more = { store, retentionMs: 1 };
    assert.throws(() => createConsumer({ ...common, deduplicate: more }), refused('retentionMs'));
    assert.throws(() => createConsumer({ ...common, deduplicate: { store, leaseMs: 1 } }), refused('leaseMs'));
  });

  it('I5: is refused at start where it would forget a message that is still tried again', async () => {
    const consumer = createConsumer({
      ...{ ...common, retry: { attempts: 10, backoff: constant({ delayMs: 1_000 }) } },
      deduplicate: { store: memoryIdempotencyStore(), ttlMs: 5_000 },
    }).on(OrderPlaced, async () => {});
    await assert.rejects(consumer.start(), (error) => isHoldfastError(error, 'retention_too_short'));
    await consumer.close();
  });
});
