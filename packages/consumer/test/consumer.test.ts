import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import {
  ClosedError,
  createVirtualClock,
  type Delivery,
  InvalidOptionError,
  isHoldfastError,
  type Settlement,
  sleep,
} from '@holdfast/core';
import { deadHeaderNames } from '@holdfast/flow';
import { memoryIdempotencyStore } from '@holdfast/idempotency';
import { circuitBreaker, constant, exponential, retryBudget, tenantBulkhead } from '@holdfast/policies';
import type { Database } from '@holdfast/postgres';
import { InboxUnavailableError } from '../src/errors.ts';
import { type Consumer, type ConsumerOptions, createConsumer } from '../src/index.ts';
import { aDelivery, aMessage } from './a-delivery.ts';
import { OrderCancelled, OrderPlaced } from './contracts.ts';
import { recordingLog } from './recording-log.ts';
import { type ScriptedTransport, scriptedTransport } from './scripted-transport.ts';

const setUp = (options: Partial<ConsumerOptions<never>> = {}) => {
  const transport: ScriptedTransport = scriptedTransport();
  const clock = createVirtualClock();
  const log = recordingLog();
  const consumer: Consumer<never> = createConsumer({
    transport,
    group: 'billing',
    from: 'earliest',
    runtime: { clock, log, random: () => 0.5 },
    ...options,
  });
  return { transport, clock, log, consumer };
};

/** A contract whose schema takes its time. */
const decodedAfter = (decoding: Promise<void>): typeof OrderPlaced => {
  const standard = OrderPlaced.schema['~standard'];
  const validate: typeof standard.validate = async (value) => {
    await decoding;
    return standard.validate(value);
  };
  return { ...OrderPlaced, schema: { '~standard': { ...standard, validate } } as typeof OrderPlaced.schema };
};

describe('a consumer', () => {
  it('P2: settles a message only after its handler has succeeded', async () => {
    const { transport, consumer } = setUp();
    const handling = Promise.withResolvers<void>();
    consumer.on(OrderPlaced, () => handling.promise);
    await consumer.start();
    let settlement: Settlement | undefined;
    const settling = transport.deliver(aDelivery()).then((settled) => {
      settlement = settled;
    });
    await setImmediate();
    assert.equal(settlement, undefined);
    assert.equal(consumer.stats().inFlight, 1);
    handling.resolve();
    await settling;
    assert.deepEqual(settlement, { outcome: 'ack' });
    assert.equal(consumer.stats().acked, 1);
  });

  it('gives the handler the decoded payload and the delivery', async () => {
    const { transport, consumer } = setUp({ timeoutMs: 1_000 });
    const seen: unknown[] = [];
    consumer.on(OrderPlaced, async (order, context) => {
      seen.push(order, context.message.id, context.attempt, context.group, context.topic, context.signal.aborted);
    });
    await consumer.start();
    await transport.deliver(aDelivery({ attempt: 2 }));
    assert.deepEqual(seen, [{ orderId: 'o-1' }, 'm-1', 2, 'billing', 'orders', false]);
  });

  it('has no once without a database', async () => {
    const { consumer } = setUp();
    consumer.on(OrderPlaced, async (_order, context) => assert.ok(!('once' in context)));
    assert.deepEqual(await consumer.receive(aMessage()), { outcome: 'ack' });
  });

  it('subscribes once to each topic of its contracts', async () => {
    const { transport, consumer } = setUp();
    await consumer
      .on(OrderPlaced, async () => {})
      .on(OrderCancelled, async () => {})
      .start();
    assert.deepEqual(transport.subscribed?.topics, ['orders']);
    assert.deepEqual(transport.subscribed?.options, {
      group: 'billing',
      from: 'earliest',
      concurrency: 16,
      maxInFlight: 1_000,
      ordering: 'key',
    });
  });

  it('asks for another attempt after the backoff, without waiting itself', async () => {
    const { transport, consumer, log } = setUp({ retry: { attempts: 3, backoff: constant({ delayMs: 250 }) } });
    consumer.on(OrderPlaced, () => Promise.reject(new Error('busy')));
    await consumer.start();
    const settlement = await transport.deliver(aDelivery());
    assert.deepEqual(settlement, { outcome: 'retry', delayMs: 250, spent: true });
    assert.equal(consumer.stats().retried, 1);
    assert.equal(log.lines.length, 1);
  });

  it('stores a message that used up its attempts as a dead letter with its history, and then acks it', async () => {
    const { transport, consumer } = setUp({ retry: { attempts: 3 } });
    consumer.on(OrderPlaced, () => Promise.reject(new TypeError('card declined')));
    await consumer.start();
    const settlement = await transport.deliver(aDelivery({ attempt: 3, position: '42' }));
    assert.deepEqual(settlement, { outcome: 'ack' });
    const [letter] = transport.published;
    assert.equal(letter?.topic, 'orders.dead');
    assert.equal(letter?.message.id, 'm-1');
    const headers = letter?.message.headers ?? {};
    assert.match(headers[deadHeaderNames.reason] ?? '', /^attempts_exhausted/);
    assert.equal(headers[deadHeaderNames.error], 'TypeError: card declined');
    assert.equal(headers[deadHeaderNames.attempts], '3');
    assert.equal(headers[deadHeaderNames.position], '42');
    assert.equal(headers[deadHeaderNames.group], 'billing');
    assert.equal(consumer.stats().rejected, 1);
  });

  it('P2: leaves the rejection to the adapter when the dead letter cannot be stored', async () => {
    const { transport, consumer } = setUp({ retry: { attempts: 1 } });
    consumer.on(OrderPlaced, () => Promise.reject(new Error('declined')));
    await consumer.start();
    transport.failPublish(new Error('the broker is gone'));
    const settlement = await transport.deliver(aDelivery());
    assert.equal(settlement.outcome, 'reject');
  });

  it('leaves a dead letter that is rejected again where it is', async () => {
    const { transport, consumer } = setUp({ retry: { attempts: 1 } });
    consumer.on(OrderPlaced, () => Promise.reject(new Error('declined')));
    await consumer.start();
    const settlement = await transport.deliver(aDelivery({ topic: 'orders.dead' }));
    assert.equal(settlement.outcome, 'reject');
    assert.equal(transport.published.length, 0);
  });

  it('rejects a body that does not fit at once, without calling the handler', async () => {
    const { transport, consumer } = setUp();
    let calls = 0;
    consumer.on(OrderPlaced, async () => void calls++);
    await consumer.start();
    for (const body of ['{"orderId":7}', 'no JSON', '']) {
      const message = aMessage({ body: new TextEncoder().encode(body) });
      assert.deepEqual(await transport.deliver(aDelivery({ message })), { outcome: 'ack' });
    }
    assert.equal(calls, 0);
    assert.equal(transport.published.length, 3);
    for (const { message } of transport.published) {
      assert.match(message.headers[deadHeaderNames.reason] ?? '', /^undecodable_body/);
    }
  });

  it('P6: ignores a type without a handler, counts each and logs the type once', async () => {
    const { transport, consumer, log } = setUp();
    consumer.on(OrderPlaced, async () => {});
    await consumer.start();
    for (const type of ['order.shipped', 'order.shipped', 'order.lost']) {
      assert.deepEqual(await transport.deliver(aDelivery({ message: aMessage({ type }) })), { outcome: 'ack' });
    }
    assert.equal(consumer.stats().ignored, 3);
    assert.equal(log.lines.filter(({ message }) => message.includes('ignored')).length, 2);
  });

  it("makes a type without a handler a dead letter with unhandled: 'reject'", async () => {
    const { transport, consumer } = setUp({ unhandled: 'reject' });
    consumer.on(OrderPlaced, async () => {});
    await consumer.start();
    await transport.deliver(aDelivery({ message: aMessage({ type: 'order.shipped' }) }));
    assert.match(transport.published[0]?.message.headers[deadHeaderNames.reason] ?? '', /^no_handler.*order\.shipped/);
  });

  it('aborts an attempt that takes too long, waits for the handler to stop, and has it tried again', async () => {
    const { transport, consumer, clock } = setUp({ timeoutMs: 100 });
    const stopping = Promise.withResolvers<void>();
    let aborted: unknown;
    consumer.on(OrderPlaced, async (_order, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason;
      });
      await stopping.promise;
    });
    await consumer.start();
    let settlement: Settlement | undefined;
    const settling = transport.deliver(aDelivery()).then((settled) => {
      settlement = settled;
    });
    await clock.advance(100);
    assert.ok(isHoldfastError(aborted, 'timeout'));
    await clock.advance(10_000);
    assert.equal(settlement, undefined, 'a handler that still runs is not settled');
    stopping.resolve();
    await settling;
    assert.equal((settlement as Settlement | undefined)?.outcome, 'retry');
  });

  it('makes a message a dead letter when all its attempts together have taken too long', async () => {
    const { transport, consumer, clock } = setUp({
      totalTimeoutMs: 1_000,
      retry: { attempts: 100, backoff: constant({ delayMs: 300 }) },
    });
    consumer.on(OrderPlaced, () => Promise.reject(new Error('busy')));
    await consumer.start();
    const outcomes: string[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      const settlement = await transport.deliver(aDelivery({ attempt }));
      outcomes.push(settlement.outcome);
      await clock.advance(300);
    }
    assert.deepEqual(outcomes, ['retry', 'retry', 'retry', 'ack']);
    assert.match(transport.published[0]?.message.headers[deadHeaderNames.reason] ?? '', /^total_timeout/);
  });

  it('begins the total time anew for a message that comes back from another owner', async () => {
    const { transport, consumer, clock } = setUp({
      totalTimeoutMs: 60_000,
      retry: { attempts: 10, backoff: constant({ delayMs: 10 }) },
    });
    let tries = 0;
    consumer.on(OrderPlaced, async (_order, { signal }) => {
      if (++tries === 1) throw new Error('busy');
      await setImmediate();
      signal.throwIfAborted();
    });
    await consumer.start();
    await transport.deliver(aDelivery({ token: '1' }));
    await clock.advance(3_600_000);
    const delivering = transport.deliver(aDelivery({ token: '7' }));
    await clock.advance(1);
    assert.deepEqual(await delivering, { outcome: 'ack' });
    assert.equal(transport.published.length, 0);
  });

  it('P2: does not count time in which its breaker lets nothing run as time of its messages', async () => {
    const clock = createVirtualClock();
    const breaker = circuitBreaker({ failures: 1, openForMs: 5_000, runtime: { clock } });
    const { consumer } = setUp({
      ...{ breaker, totalTimeoutMs: 1_000, runtime: { clock, log: recordingLog(), random: () => 0.5 } },
      retry: { attempts: 10, backoff: constant({ delayMs: 100 }) },
    });
    let down = true;
    consumer.on(OrderPlaced, async (_order, { signal }) => {
      await sleep(clock, 10, signal);
      if (down) throw new Error('down');
    });
    const receive = async (): Promise<Settlement> => {
      const receiving = consumer.receive(aMessage());
      await clock.advance(10);
      return receiving;
    };
    assert.deepEqual(await receive(), { outcome: 'retry', delayMs: 100, spent: true });
    for (let second = 0; second < 4; second++) {
      const { outcome, spent } = { spent: true, ...(await receive()) };
      assert.deepEqual([outcome, spent], ['retry', false]);
      await clock.advance(1_000);
    }
    down = false;
    await clock.advance(1_000);
    assert.deepEqual(await receive(), { outcome: 'ack' });
    assert.equal(breaker.state.name, 'ramping');
  });

  describe('with a breaker', () => {
    const withBreaker = (attempts: number) => {
      const clock = createVirtualClock();
      const breaker = circuitBreaker({ failures: 3, openForMs: 1_000, rampMs: 0, runtime: { clock } });
      const { consumer } = setUp({
        ...{ breaker, runtime: { clock, log: recordingLog() } },
        retry: { attempts, unless: (error) => error instanceof RangeError },
      });
      const errors: (Error | undefined)[] = [];
      consumer.on(OrderPlaced, async () => {
        const error = errors.shift();
        if (error !== undefined) throw error;
      });
      const receive = async (...found: readonly (Error | undefined)[]): Promise<string> => {
        errors.push(...found);
        for (const _ of found) await consumer.receive(aMessage());
        return breaker.state.name;
      };
      return { clock, receive };
    };
    const down = new Error('down');
    const stolen = new RangeError('a stolen card');

    it('counts the failure of a last attempt', async () => {
      const { receive } = withBreaker(1);
      assert.equal(await receive(down, down), 'closed');
      assert.equal(await receive(down), 'open');
    });

    it('counts what no retry helps neither as a failure nor as a success', async () => {
      const { clock, receive } = withBreaker(10);
      assert.equal(await receive(stolen, stolen, stolen, stolen), 'closed');
      assert.equal(await receive(down, down, stolen, new InboxUnavailableError(down), down), 'open');
      await clock.advance(1_000);
      assert.equal(await receive(stolen), 'half-open');
      assert.equal(await receive(undefined), 'closed');
    });
  });

  it('P6: makes a dead letter of a message for which tenantOf throws, and says so', async () => {
    const { transport, consumer, log } = setUp({
      bulkhead: tenantBulkhead({ slots: 1, key: () => '' }),
      tenantOf: ({ headers }) => headers.tenant?.toUpperCase() ?? assert.fail('no tenant'),
    });
    consumer.on(OrderPlaced, async () => {});
    await consumer.start();
    assert.deepEqual(await transport.deliver(aDelivery()), { outcome: 'ack' });
    const [letter] = transport.published;
    assert.match(
      letter?.message.headers[deadHeaderNames.reason] ?? '',
      /^not_retryable: UnknownTenantError: whose message/,
    );
    assert.ok(log.lines.some(({ message }) => message === 'a message is a dead letter'));
  });

  it('P2: spends no attempt on a retry that the budget does not allow, and lets it come later', async () => {
    const budget = retryBudget({ share: 0.5, burst: 1 });
    const { transport, consumer } = setUp({
      retry: { attempts: 3, backoff: constant({ delayMs: 10 }), budget },
    });
    let down = true;
    consumer.on(OrderPlaced, async () => {
      if (down) throw new Error('down');
    });
    await consumer.start();
    const settle = (id: string, attempt = 1) => transport.deliver(aDelivery({ message: aMessage({ id }), attempt }));
    const again = { outcome: 'retry', delayMs: 10, spent: true };
    assert.deepEqual(await settle('m-1'), again);
    const later = { outcome: 'retry', delayMs: 5_000, spent: false };
    assert.deepEqual([await settle('m-1', 2), await settle('m-2')], [later, later]);
    down = false;
    for (const id of ['m-3', 'm-4']) assert.deepEqual(await settle(id), { outcome: 'ack' });
    down = true;
    assert.deepEqual([await settle('m-1', 2), await settle('m-2')], [again, later]);
  });

  it('P2: does not count waits for a handler slot, or while it is paused, as time of its messages', async () => {
    const { transport, consumer, clock } = setUp({
      ...{ totalTimeoutMs: 1_000, concurrency: 1, deduplicate: { store: memoryIdempotencyStore() } },
      retry: { attempts: 10, backoff: constant({ delayMs: 100 }) },
    });
    consumer.on(OrderPlaced, async (_order, { attempt, signal }) => {
      await sleep(clock, 400, signal);
      if (attempt === 1) throw new Error('busy');
    });
    await consumer.start();
    const run = async (attempt: number): Promise<readonly Settlement[]> => {
      const running = [1, 2, 3, 4, 5].map((id) =>
        transport.deliver(aDelivery({ message: aMessage({ id: `m-${id}` }), attempt })),
      );
      await setImmediate();
      consumer.pause('for a while');
      await clock.advance(5_000);
      consumer.resume('for a while');
      for (let handler = 0; handler < running.length; handler++) await clock.advance(400);
      return Promise.all(running);
    };
    assert.deepEqual(await run(1), Array(5).fill({ outcome: 'retry', delayMs: 100, spent: true }));
    assert.deepEqual(await run(2), Array(5).fill({ outcome: 'ack' }));
    assert.deepEqual([consumer.stats().acked, consumer.stats().rejected], [5, 0]);
  });

  it('does not run a handler for which decoding has left no time', async () => {
    const { consumer, clock } = setUp({
      totalTimeoutMs: 1_000,
      retry: { attempts: 10, backoff: constant({ delayMs: 1 }) },
    });
    const decoding = Promise.withResolvers<void>();
    let runs = 0;
    consumer.on(decodedAfter(decoding.promise), async () => {
      runs++;
    });
    const receiving = consumer.receive(aMessage());
    clock.after(1_000, decoding.resolve);
    await clock.advance(1_000);
    const settlement = await receiving;
    assert.match(settlement.outcome === 'reject' ? settlement.reason : '', /^total_timeout/);
    assert.equal(runs, 0);
  });

  it('P2: does not count the waits for an inbox that does not answer as time of its messages', async () => {
    const clock = createVirtualClock();
    let answers = false;
    const database: Database<object> = {
      schema: '"holdfast"',
      transaction: () => Promise.reject(new Error('not reached')),
      query: () => Promise.reject(new Error('not reached')),
      execute: () => (answers ? Promise.resolve([]) : Promise.reject(new Error('ECONNREFUSED'))),
    };
    const consumer = createConsumer({
      ...{ transport: scriptedTransport(), group: 'billing', from: 'earliest', database, totalTimeoutMs: 2_000 },
      runtime: { clock, log: recordingLog(), random: () => 0.5 },
    });
    let runs = 0;
    consumer.on(OrderPlaced, async (_order, { signal }) => {
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      signal.throwIfAborted();
      runs++;
    });
    for (let second = 0; second < 5; second++) {
      assert.deepEqual(await consumer.receive(aMessage()), { outcome: 'retry', delayMs: 1_000, spent: false });
      await clock.advance(1_000);
    }
    answers = true;
    const receiving = consumer.receive(aMessage());
    await clock.advance(1);
    assert.deepEqual(await receiving, { outcome: 'ack' });
    assert.equal(runs, 1);
  });

  it('P2: makes no dead letter of a message whose handler found something of this process closed', async () => {
    const { transport, consumer } = setUp({ retry: { attempts: 1 } });
    consumer.on(OrderPlaced, () => Promise.reject(new ClosedError('the redis client')));
    await consumer.start();
    assert.deepEqual(await transport.deliver(aDelivery()), { outcome: 'retry', delayMs: 1_000, spent: false });
    assert.equal(transport.published.length, 0);
  });

  it('waits longer each time with decorrelated jitter', async () => {
    const backoff = exponential({ baseMs: 10, maxMs: 60_000, jitter: 'decorrelated' });
    const { transport, consumer } = setUp({ retry: { attempts: 100, backoff } });
    consumer.on(OrderPlaced, () => Promise.reject(new Error('busy')));
    await consumer.start();
    const delays: number[] = [];
    for (let attempt = 1; attempt < 8; attempt++) {
      const settlement = await transport.deliver(aDelivery({ attempt }));
      if (settlement.outcome === 'retry') delays.push(settlement.delayMs);
    }
    assert.ok((delays.at(-1) ?? 0) > 100, `waited ${delays}`);
  });

  it('hands a message back, and makes no dead letter of it, when its claim ended while it ran', async () => {
    const { transport, consumer } = setUp({ retry: { attempts: 1 } });
    const claim = new AbortController();
    consumer.on(OrderPlaced, async (_order, { signal }) => {
      claim.abort(new Error('claim lost'));
      signal.throwIfAborted();
    });
    await consumer.start();
    const settlement = await transport.deliver(aDelivery({ signal: claim.signal }));
    assert.deepEqual(settlement, { outcome: 'retry', delayMs: 0, spent: false });
    assert.equal(transport.published.length, 0);
    assert.equal(consumer.stats().handedBack, 1);
  });

  it('counts every delivery under exactly one outcome', async () => {
    const { transport, consumer } = setUp({ retry: { attempts: 2 } });
    consumer.on(OrderPlaced, async (_order, { message }) => {
      if (message.id !== 'good') throw new Error('bad');
    });
    await consumer.start();
    const deliveries: Partial<Delivery>[] = [
      { message: aMessage({ id: 'good' }) },
      {},
      { attempt: 2 },
      { message: aMessage({ type: 'other' }) },
      { message: aMessage({ body: new Uint8Array() }) },
    ];
    for (const delivery of deliveries) await transport.deliver(aDelivery(delivery));
    const { delivered, inFlight, ...counts } = consumer.stats();
    assert.deepEqual(
      { delivered, inFlight, ...counts },
      {
        delivered: 5,
        inFlight: 0,
        acked: 1,
        retried: 1,
        rejected: 2,
        ignored: 1,
        duplicates: 0,
        stored: 0,
        handedBack: 0,
      },
    );
  });

  it('tells a tracer of each delivery that has a handler', async () => {
    const spans: string[] = [];
    const { consumer } = setUp({
      runtime: {
        trace: (span, run) => {
          spans.push(`${span.name} ${span.attributes.type}`);
          return run();
        },
      },
    });
    consumer.on(OrderPlaced, async () => {});
    await consumer.receive(aMessage());
    assert.deepEqual(spans, ['handle order.placed']);
  });

  describe('receive', () => {
    it('runs one message through the stack without a broker', async () => {
      const { consumer, transport } = setUp();
      const seen: string[] = [];
      consumer.on(OrderPlaced, async ({ orderId }) => void seen.push(orderId));
      assert.deepEqual(await consumer.receive(aMessage()), { outcome: 'ack' });
      const rejected = await consumer.receive(aMessage({ body: new TextEncoder().encode('{}') }));
      assert.equal(rejected.outcome, 'reject');
      assert.deepEqual(seen, ['o-1']);
      assert.equal(transport.published.length, 0);
    });

    it('tries again what a schema could not find out, and does not wait for it for ever', async () => {
      const { consumer, clock } = setUp({ timeoutMs: 100, retry: { attempts: 2 } });
      consumer.on(decodedAfter(new Promise(() => {})), async () => {});
      const hanging = consumer.receive(aMessage());
      await clock.advance(100);
      assert.equal((await hanging).outcome, 'retry');
      assert.equal(clock.timers, 0);
      const { consumer: other } = setUp({ retry: { attempts: 2 } });
      other.on(decodedAfter(Promise.reject(new Error('ECONNREFUSED'))), async () => {});
      assert.equal((await other.receive(aMessage())).outcome, 'retry');
    });

    it('leaves no timer behind, which would keep a test process alive', async () => {
      const { consumer, clock } = setUp({ timeoutMs: 5_000, totalTimeoutMs: 10_000 });
      consumer.on(OrderPlaced, async () => {});
      await consumer.receive(aMessage());
      assert.equal(clock.timers, 0);
    });

    it('gives the attempt that is asked for', async () => {
      const { consumer } = setUp({ retry: { attempts: 3 } });
      consumer.on(OrderPlaced, () => Promise.reject(new Error('busy')));
      assert.equal((await consumer.receive(aMessage(), { attempt: 2 })).outcome, 'retry');
      assert.equal((await consumer.receive(aMessage(), { attempt: 3 })).outcome, 'reject');
    });
  });

  describe('that is used wrongly', () => {
    const isInvalid =
      (option: string) =>
      (error: unknown): boolean =>
        error instanceof InvalidOptionError && error.option === option;

    it('refuses a second handler for a type', () => {
      const { consumer } = setUp();
      consumer.on(OrderPlaced, async () => {});
      assert.throws(() => consumer.on(OrderPlaced, async () => {}), isInvalid('contract'));
      assert.throws(() => consumer.onBatch(OrderPlaced, async () => {}, { maxSize: 10 }), isInvalid('contract'));
    });

    it('refuses what is no contract, no handler and no batch options', () => {
      const { consumer } = setUp();
      const missing = undefined as never;
      assert.throws(() => consumer.on(missing, async () => {}), isInvalid('contract'));
      assert.throws(() => consumer.on(OrderPlaced, missing), isInvalid('handler'));
      assert.throws(() => consumer.onBatch(OrderPlaced, missing, { maxSize: 10 }), isInvalid('handler'));
      assert.throws(() => consumer.onBatch(OrderPlaced, async () => {}, missing), isInvalid('maxSize'));
    });

    it('refuses an attempt that cannot be', async () => {
      const { consumer } = setUp();
      await assert.rejects(consumer.receive(aMessage(), { attempt: -4 }), isInvalid('attempt'));
    });

    it('refuses to start without a handler', async () => {
      const { consumer } = setUp();
      await assert.rejects(consumer.start(), isInvalid('on'));
    });

    it('refuses a handler after the start', async () => {
      const { consumer } = setUp();
      await consumer.on(OrderPlaced, async () => {}).start();
      assert.throws(() => consumer.on(OrderCancelled, async () => {}), isInvalid('on'));
    });

    it('refuses at the start a backoff that waits longer than the transport can hold a message', async () => {
      const transport = scriptedTransport({ maxHoldMs: 1_000 });
      const { consumer } = setUp({ transport, retry: { backoff: constant({ delayMs: 1_001 }) } });
      consumer.on(OrderPlaced, async () => {});
      await assert.rejects(consumer.start(), isInvalid('retry.backoff'));
      assert.equal(transport.subscribed, undefined);
    });

    it('has a backoff by default that every transport can keep', async () => {
      const transport = scriptedTransport({ maxHoldMs: 1_000 });
      await setUp({ transport })
        .consumer.on(OrderPlaced, async () => {})
        .start();
    });

    it('can be started after a start that failed', async () => {
      const { consumer } = setUp();
      await assert.rejects(consumer.start());
      await consumer.on(OrderPlaced, async () => {}).start();
      assert.equal(consumer.health().ready, true);
    });

    it('refuses to start when it is closed', async () => {
      const { consumer } = setUp();
      consumer.on(OrderPlaced, async () => {});
      await consumer.close();
      await assert.rejects(consumer.start(), (error) => isHoldfastError(error, 'closed'));
    });
  });

  describe('in its life', () => {
    it('keeps a pause from before the start, and resumes when no reason stands', async () => {
      const { consumer, transport } = setUp();
      consumer.on(OrderPlaced, async () => {});
      consumer.pause('maintenance');
      consumer.pause('lunch');
      consumer.resume('lunch');
      await consumer.start();
      assert.deepEqual([...transport.paused], ['maintenance']);
      consumer.resume('maintenance');
      assert.equal(transport.paused.size, 0);
    });

    it('is ready only when it has started', async () => {
      const { consumer } = setUp();
      consumer.on(OrderPlaced, async () => {});
      assert.deepEqual([consumer.health().live, consumer.health().ready], [true, false]);
      await consumer.start();
      assert.deepEqual([consumer.health().live, consumer.health().ready], [true, true]);
      await consumer.close();
      assert.deepEqual([consumer.health().live, consumer.health().ready], [false, false]);
    });

    it('is not ready when messages are being handled and none leaves for long', async () => {
      const { consumer, transport, clock } = setUp();
      const handling = Promise.withResolvers<void>();
      consumer.on(OrderPlaced, () => handling.promise);
      await consumer.start();
      await clock.advance(1_000_000);
      const settling = transport.deliver(aDelivery());
      await clock.advance(60_000);
      assert.equal(consumer.health().ready, true);
      await clock.advance(1);
      assert.equal(consumer.health().ready, false);
      assert.match(consumer.health().reasons.join(), /no message has left for 60001 ms while 1 are being handled/);
      handling.resolve();
      await settling;
      assert.equal(consumer.health().ready, true);
    });

    it('is not ready while its messages only ever fail', async () => {
      const { consumer, transport, clock } = setUp({ retry: { attempts: Number.POSITIVE_INFINITY } });
      consumer.on(OrderPlaced, () => Promise.reject(new Error('busy')));
      await consumer.start();
      for (let attempt = 1; attempt <= 70; attempt++) {
        await transport.deliver(aDelivery({ attempt }));
        await clock.advance(1_000);
      }
      assert.equal(consumer.health().ready, false);
    });

    it('is not unready for having been paused', async () => {
      const { consumer, transport, clock } = setUp();
      const handling = Promise.withResolvers<void>();
      consumer.on(OrderPlaced, () => handling.promise);
      await consumer.start();
      const settling = transport.deliver(aDelivery());
      consumer.pause('maintenance');
      await clock.advance(1_000_000);
      assert.doesNotMatch(consumer.health().reasons.join(), /no message has left/);
      consumer.resume('maintenance');
      assert.equal(consumer.health().ready, true);
      handling.resolve();
      await settling;
    });

    it('is not live after its subscription has died, and says so', async () => {
      const { consumer, transport, log } = setUp();
      await consumer.on(OrderPlaced, async () => {}).start();
      transport.die(new Error('the broker threw us out'));
      await setImmediate();
      assert.equal(consumer.health().live, false);
      assert.ok(log.lines.some(({ level, message }) => level === 'error' && message.includes('lost its subscription')));
      await assert.rejects(consumer.start(), (error) => isHoldfastError(error, 'closed'));
    });

    it('P7: closes once, however often it is asked to, and before it was started', async () => {
      const { consumer } = setUp();
      const [first, second] = await Promise.all([consumer.close(), consumer.close({ deadlineMs: 1 })]);
      assert.deepEqual([first, second], [{ abandoned: 0 }, { abandoned: 0 }]);
    });

    it('P7: ends a close by its deadline although the start hangs, and the subscription when that comes after all', async () => {
      const subscribing = Promise.withResolvers<void>();
      const transport = scriptedTransport({ subscribing: subscribing.promise });
      const { consumer, clock } = setUp({ transport });
      const starting = consumer.on(OrderPlaced, async () => {}).start();
      let closed = false;
      const closing = consumer.close({ deadlineMs: 500 }).then(() => {
        closed = true;
      });
      await clock.advance(499);
      assert.equal(closed, false);
      await clock.advance(1);
      await closing;
      subscribing.resolve();
      await starting;
      assert.equal(consumer.health().live, false);
      assert.equal(clock.timers, 0);
    });

    it('P7: starts no handler whose claim has ended, or that is closing, while its message was decoded', async () => {
      for (const how of ['claim', 'close'] as const) {
        const { consumer, transport } = setUp();
        const decoding = Promise.withResolvers<void>();
        let runs = 0;
        consumer.on(decodedAfter(decoding.promise), async () => void runs++);
        await consumer.start();
        const claim = new AbortController();
        const settling = transport.deliver(aDelivery({ signal: claim.signal }));
        await setImmediate();
        if (how === 'claim') claim.abort();
        else assert.deepEqual(await consumer.close(), { abandoned: 0 });
        decoding.resolve();
        const settlement = await settling;
        assert.ok(settlement.outcome === 'retry' && !settlement.spent);
        assert.equal(runs, 0);
        assert.equal(consumer.stats().handedBack, 1);
      }
    });

    it('P7: says how many handlers were still running', async () => {
      const { consumer, transport, log } = setUp();
      consumer.on(OrderPlaced, () => new Promise(() => {}));
      await consumer.start();
      void transport.deliver(aDelivery());
      void transport.deliver(aDelivery({ message: aMessage({ id: 'm-2' }) }));
      await setImmediate();
      assert.deepEqual(await consumer.close(), { abandoned: 2 });
      assert.ok(log.lines.some(({ level, fields }) => level === 'warn' && 'abandoned' in fields));
    });
  });
});
