import assert from 'node:assert/strict';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import { createPublisher, createRuntime, silentLog, sleep, systemClock } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import * as cockatiel from 'cockatiel';
import { eventually } from '../../harness/index.ts';
import { openTopic, type TestTopic } from './open-topic.ts';

const runtime = createRuntime({ log: silentLog });

describe('a consumer with policies of cockatiel', () => {
  let topic: TestTopic;
  let consumer: Consumer<never>;
  beforeEach(async () => {
    topic = await openTopic('memory', { partitions: 2, groups: ['billing'], runtime });
  });
  afterEach(async () => {
    await consumer.close();
    await topic.close();
  });

  const create = (options: Partial<ConsumerOptions<never>>): void => {
    consumer = createConsumer<never>({
      ...{ transport: topic.transport, group: 'billing', from: topic.from, runtime },
      retry: { attempts: 5, backoff: constant({ delayMs: 5 }) },
      ...options,
    });
  };
  const place = async (orders: number): Promise<void> => {
    for (let at = 1; at <= orders; at++) {
      await createPublisher(topic.transport).publish(topic.contract, { customer: `customer ${at}`, no: 1 });
    }
  };
  const isPaused = (why: RegExp) => () => assert.match(consumer.health().reasons.join(), why);

  it('P8: pauses its source while the breaker is open, spends no attempt, and lets it recover', async () => {
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 1_500,
      breaker: new cockatiel.ConsecutiveBreaker(3),
    });
    create({ breaker });
    let down = true;
    let calls = 0;
    let ran = 0;
    consumer.on(topic.contract, async () => {
      calls++;
      if (down) throw new Error('down');
      ran++;
    });
    await consumer.start();
    await place(20);
    await eventually(isPaused(/paused: the circuit breaker is open/));
    const opened = calls;
    down = false;
    await sleep(systemClock, 1_200);
    assert.equal(calls, opened, 'a message that asks is turned away');
    await eventually(() => assert.equal(ran, 20));
    assert.equal(breaker.state, cockatiel.CircuitState.Closed);
    assert.equal(consumer.stats().rejected, 0);
    assert.doesNotMatch(consumer.health().reasons.join(), /paused/);
  });

  it('is paused while the breaker is held open by hand', async () => {
    const breaker = cockatiel.circuitBreaker(cockatiel.handleAll, {
      halfOpenAfter: 50,
      breaker: new cockatiel.ConsecutiveBreaker(3),
    });
    create({ breaker });
    let ran = 0;
    consumer.on(topic.contract, async () => {
      ran++;
    });
    const held = breaker.isolate();
    await consumer.start();
    await place(3);
    await eventually(isPaused(/paused: the circuit breaker is open/));
    await sleep(systemClock, 300);
    assert.equal(ran, 0);
    held.dispose();
    await eventually(() => assert.equal(ran, 3));
  });

  it('P8: pauses its source while the bulkhead is full, and goes on when it has room', async () => {
    const bulkhead = cockatiel.bulkhead(1, 0);
    create({ bulkhead });
    const busy = Promise.withResolvers<void>();
    const holding = bulkhead.execute(() => busy.promise);
    const attempts = new Set<number>();
    let ran = 0;
    consumer.on(topic.contract, async (_, { attempt }) => {
      attempts.add(attempt);
      ran++;
    });
    await consumer.start();
    await place(5);
    await eventually(isPaused(/paused: the bulkhead is full/));
    assert.equal(ran, 0);
    busy.resolve();
    await holding;
    await eventually(() => assert.equal(ran, 5));
    assert.deepEqual([...attempts], [1]);
  });

  it('runs handlers within any other of them, and settles none that still runs', async () => {
    const breaker = cockatiel.wrap(
      cockatiel.timeout(20, cockatiel.TimeoutStrategy.Aggressive),
      cockatiel.bulkhead(16, 100),
    );
    create({ breaker, timeoutMs: 5_000 });
    const ending = Promise.withResolvers<void>();
    let runs = 0;
    consumer.on(topic.contract, async () => {
      runs++;
      await ending.promise;
    });
    await consumer.start();
    await place(1);
    await sleep(systemClock, 200);
    assert.equal(runs, 1);
    assert.equal(consumer.stats().inFlight, 1);
    ending.resolve();
    await eventually(() => assert.equal(consumer.stats().acked, 1));
    assert.equal(runs, 1);
  });
});
