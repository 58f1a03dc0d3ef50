import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import {
  ack,
  createPublisher,
  isHoldfastError,
  type Message,
  silentLog,
  sleep,
  systemClock,
  type Transport,
} from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { createMemoryBroker, memoryTransport } from '@holdfast/transport-memory';
import { eventually } from '../../harness/index.ts';
import { OrderPlaced } from './contracts.ts';

const runtime = { log: silentLog };

describe('a consumer of a broker, without a database', () => {
  let transport: Transport;
  beforeEach(() => {
    transport = memoryTransport({ topics: { orders: { partitions: 4 } }, runtime });
  });
  afterEach(() => transport.close());

  const place = (customer: string, no: number): Promise<Message> =>
    createPublisher(transport).publish(OrderPlaced, { customer, no });

  const deadLetters = async (): Promise<Message[]> => {
    const letters: Message[] = [];
    await transport.subscribe(
      ['orders.dead'],
      async ({ message }) => {
        letters.push(message);
        return { outcome: 'ack' };
      },
      { group: 'undertaker', from: 'earliest' },
    );
    return letters;
  };

  it('P3: keeps the order of a key through retries, while other keys go on', async () => {
    const handled: string[] = [];
    await using consumer = createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      retry: { attempts: 5, backoff: constant({ delayMs: 50 }) },
      runtime,
    });
    consumer.on(OrderPlaced, async ({ customer, no }, { attempt }) => {
      if (customer === 'ada' && no === 1 && attempt < 4) throw new Error('busy');
      handled.push(`${customer} ${no}`);
    });
    await consumer.start();
    for (const no of [1, 2, 3]) {
      await place('ada', no);
      await place('bob', no);
    }
    await eventually(() => assert.equal(handled.length, 6));
    const of = (customer: string) => handled.filter((line) => line.startsWith(customer));
    assert.deepEqual(of('ada'), ['ada 1', 'ada 2', 'ada 3']);
    assert.deepEqual(of('bob'), ['bob 1', 'bob 2', 'bob 3']);
    assert.deepEqual(handled.slice(0, 3), of('bob'), 'bob waits for nobody');
    assert.equal(consumer.stats().retried, 3);
  });

  it('P8: puts a message that fails always aside as a dead letter, and goes on with its key', async () => {
    const letters = await deadLetters();
    const handled: number[] = [];
    await using consumer = createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      retry: { attempts: 3, backoff: constant({ delayMs: 5 }) },
      runtime,
    });
    consumer.on(OrderPlaced, async ({ no }) => {
      if (no === 2) throw new RangeError('poison');
      handled.push(no);
    });
    await consumer.start();
    const sent = [await place('ada', 1), await place('ada', 2), await place('ada', 3)];
    await eventually(() => assert.equal(letters.length, 1));
    await eventually(() => assert.deepEqual(handled, [1, 3]));
    const [letter] = letters;
    assert.equal(letter?.id, sent[1]?.id);
    assert.equal(letter?.key, 'ada');
    assert.deepEqual(letter?.body, sent[1]?.body);
    assert.match(letter?.headers['holdfast-dead-reason'] ?? '', /^attempts_exhausted: 3 of 3/);
    assert.equal(letter?.headers['holdfast-dead-error'], 'RangeError: poison');
    assert.equal(letter?.headers['holdfast-dead-attempts'], '3');
    assert.equal(letter?.headers['holdfast-dead-topic'], 'orders');
    const failures: Record<string, unknown>[] = JSON.parse(letter?.headers['holdfast-dead-failures'] ?? '[]');
    assert.deepEqual(
      failures.map(({ name, message }) => `${name}: ${message}`),
      ['RangeError: poison', 'RangeError: poison', 'RangeError: poison'],
    );
    assert.match(String(failures[0]?.stack), /on-memory\.test/);
    assert.ok(String(failures[0]?.process).startsWith(`${process.pid}@`));
    const at = failures.map((failure) => new Date(Number(failure.at)).toISOString());
    assert.deepEqual(
      [letter?.headers['holdfast-dead-first-failed'], letter?.headers['holdfast-dead-last-failed']],
      [at[0], at[2]],
    );
  });

  it('P5: never runs more handlers than its concurrency', async () => {
    let running = 0;
    let most = 0;
    await using consumer = createConsumer({ transport, group: 'billing', from: 'earliest', concurrency: 3, runtime });
    consumer.on(OrderPlaced, async () => {
      running++;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    });
    await consumer.start();
    for (let no = 0; no < 30; no++) await place(`c-${no}`, no);
    await eventually(() => assert.equal(consumer.stats().acked, 30));
    assert.equal(most, 3);
  });

  it('starts no handler while it is paused, and loses nothing meanwhile', async () => {
    await using consumer = createConsumer({ transport, group: 'billing', from: 'earliest', runtime });
    consumer.on(OrderPlaced, async () => {});
    await consumer.start();
    consumer.pause('maintenance');
    await place('ada', 1);
    await new Promise(setImmediate);
    assert.equal(consumer.stats().delivered, 0);
    assert.match(consumer.health().reasons.join(), /maintenance/);
    consumer.resume('maintenance');
    await eventually(() => assert.equal(consumer.stats().acked, 1));
  });

  it('P7: aborts at the deadline of its close what still runs, and hands it to the next consumer', async () => {
    const first = createConsumer({ transport, group: 'billing', from: 'earliest', runtime });
    first.on(OrderPlaced, async (_order, { signal }) => {
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    await first.start();
    await place('ada', 1);
    await eventually(() => assert.equal(first.stats().inFlight, 1));
    await first.close({ deadlineMs: 100 });
    assert.equal(first.stats().handedBack, 1);
    assert.equal(first.stats().acked + first.stats().rejected, 0);

    const handled: number[] = [];
    await using second = createConsumer({ transport, group: 'billing', from: 'earliest', runtime });
    second.on(OrderPlaced, async ({ no }) => void handled.push(no));
    await second.start();
    await eventually(() => assert.deepEqual(handled, [1]));
  });

  it('P7: waits, within the deadline, for a handler that is about to end', async () => {
    const consumer = createConsumer({ transport, group: 'billing', from: 'earliest', runtime });
    const ending = Promise.withResolvers<void>();
    consumer.on(OrderPlaced, () => ending.promise);
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().inFlight, 1));
    const closing = consumer.close();
    ending.resolve();
    assert.deepEqual(await closing, { abandoned: 0 });
    assert.equal(consumer.stats().acked, 1);
  });

  it('gives up a handler that ignores its signal, and says so', async () => {
    const consumer = createConsumer({ transport, group: 'billing', from: 'earliest', runtime });
    consumer.on(OrderPlaced, () => new Promise(() => {}));
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().inFlight, 1));
    assert.deepEqual(await consumer.close({ deadlineMs: 50 }), { abandoned: 1 });
  });

  it('tries an attempt that took too long again, with a signal that has not aborted', async () => {
    await using consumer = createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      timeoutMs: 30,
      retry: { attempts: 3, backoff: constant({ delayMs: 1 }) },
      runtime,
    });
    const reasons: unknown[] = [];
    consumer.on(OrderPlaced, async (_order, { signal, attempt }) => {
      assert.equal(signal.aborted, false);
      if (attempt === 3) return;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      reasons.push(signal.reason);
    });
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().acked, 1));
    assert.ok(reasons.length === 2 && reasons.every((reason) => isHoldfastError(reason, 'timeout')));
  });

  it('shares the work of a group between consumers, and gives every group everything', async () => {
    const handled: string[] = [];
    const join = (group: string, name: string) =>
      createConsumer({ transport, group, from: 'earliest', runtime })
        .on(OrderPlaced, async ({ no }) => void handled.push(`${group} ${name} ${no}`))
        .start();
    const consumers = await Promise.all([join('billing', 'a'), join('billing', 'b'), join('shipping', 'c')]);
    for (let no = 0; no < 20; no++) await place(`c-${no}`, no);
    await eventually(() => assert.equal(handled.length, 40));
    const numbers = (group: string) =>
      handled.filter((line) => line.startsWith(group)).map((line) => line.split(' ')[2]);
    assert.equal(new Set(numbers('billing')).size, 20);
    assert.equal(new Set(numbers('shipping')).size, 20);
    await Promise.all(consumers.map((consumer) => consumer.close()));
  });

  it('P2: lets a handler publish while its transport closes, and makes no dead letter of its message', async () => {
    const broker = createMemoryBroker();
    const closing = memoryTransport({ broker, topics: { orders: { partitions: 1 } }, runtime });
    const [handling, publishing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const consumer = createConsumer({ transport: closing, group: 'billing', from: 'earliest', runtime });
    consumer.on(OrderPlaced, async (order) => {
      handling.resolve();
      await publishing.promise;
      await createPublisher(closing).publish(OrderPlaced, order, { id: 'followed' });
    });
    await consumer.start();
    await createPublisher(closing).publish(OrderPlaced, { customer: 'ada', no: 1 });
    await handling.promise;
    const closed = closing.close();
    publishing.resolve();
    await closed;
    transport = memoryTransport({ broker, runtime });
    const ids: string[] = [];
    const subscribed = { group: 'witness', from: 'earliest' } as const;
    await transport.subscribe(
      ['orders'],
      async ({ message }) => {
        ids.push(message.id);
        return ack;
      },
      subscribed,
    );
    await eventually(() => assert.equal(ids.length, 2));
    assert.ok(ids.includes('followed'));
    assert.equal((await transport.topology.describe('orders')).groups.find(({ group }) => group === 'billing')?.lag, 1);
    assert.deepEqual(await deadLetters(), []);
  });

  it('starts no handler while it has been paused since before the start', async () => {
    for (let no = 0; no < 15; no++) await place(`c-${no}`, no);
    let runs = 0;
    await using consumer = createConsumer({ transport, group: 'billing', from: 'earliest', runtime });
    consumer.on(OrderPlaced, async () => void runs++);
    consumer.pause('maintenance');
    await consumer.start();
    await sleep(systemClock, 100);
    assert.equal(runs, 0);
    consumer.resume('maintenance');
    await eventually(() => assert.equal(runs, 15));
  });

  it('P7: lets a handler end within the deadline of a close that came during the start', async () => {
    await place('ada', 1);
    const [handling, subscribing] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: Transport = {
      ...transport,
      subscribe: async (...joining) => {
        const subscription = await transport.subscribe(...joining);
        await subscribing.promise;
        return subscription;
      },
    };
    const consumer = createConsumer({ transport: slow, group: 'billing', from: 'earliest', runtime });
    let aborted: boolean | undefined;
    consumer.on(OrderPlaced, async (_order, { signal }) => {
      handling.resolve();
      await sleep(systemClock, 100);
      aborted = signal.aborted;
    });
    const starting = consumer.start();
    await handling.promise;
    const closing = consumer.close({ deadlineMs: 5_000 });
    subscribing.resolve();
    assert.deepEqual(await closing, { abandoned: 0 });
    await starting;
    assert.equal(aborted, false);
  });
});
