import assert from 'node:assert/strict';
import { InvalidOptionError } from '@holdfast/core';
import { circuitBreaker, combine, rateLimit, tenantBulkhead } from '@holdfast/policies';
import type { Database } from '@holdfast/postgres';
import { type ConsumerOptions, createConsumer } from '../src/index.ts';
import { OrderPlaced } from './contracts.ts';
import { scriptedTransport } from './scripted-transport.ts';

interface Client {
  readonly insert: (what: string) => Promise<void>;
}

const database: Database<Client> = {
  schema: '"holdfast"',
  transaction: () => Promise.reject(new Error('not reached')),
  query: () => Promise.reject(new Error('not reached')),
  execute: () => Promise.reject(new Error('not reached')),
};

const required = { transport: scriptedTransport({ maxHoldMs: 60_000 }), group: 'billing', from: 'earliest' } as const;

/** Options as JavaScript could pass them. */
const create = (options: object) => createConsumer(options as ConsumerOptions<never>);

const aBreaker = circuitBreaker({ failures: 1, openForMs: 1_000 });

describe('the options of a consumer', () => {
  const bad: readonly [option: string, options: object, message: RegExp][] = [
    ['breakers', { breakers: {} }, /no such option; it has transport, group/],
    ['bulkheads', { bulkheads: undefined }, /no such option/],
    ['breaker', { breaker: {} }, /found an object; expected a circuitBreaker, or a policy of cockatiel/],
    ['breaker', { breaker: combine(aBreaker) }, /found a function; expected a circuitBreaker/],
    ['bulkhead', { bulkhead: 5 }, /found 5; expected a bulkhead/],
    ['bulkhead', { bulkhead: null }, /found null; expected a bulkhead/],
    ['bulkhead', { bulkhead: combine(aBreaker) }, /found a function; expected a bulkhead, a tenantBulkhead/],
    [
      'bulkhead',
      { bulkhead: rateLimit({ calls: 1, perMs: 1_000 }), tenantOf: () => 'ada' },
      /expected a bulkhead, a tenant/,
    ],
    ['tenantOf', { tenantOf: () => 'ada' }, /expected none without a bulkhead per tenant/],
    [
      'tenantOf',
      { bulkhead: tenantBulkhead({ slots: 1, queue: 0, key: () => '' }) },
      /expected a function, for a bulkhead per/,
    ],
    ['maxAttempts', { retry: { maxAttempts: 3 } }, /retry has no such option; it has attempts, backoff, unless/],
    ['transport', { transport: undefined }, /found undefined; expected a transport/],
    ['transport', { transport: 'kafka' }, /found 'kafka'/],
    ['group', { group: '' }, /found ''; expected the name of a group/],
    ['group', { group: 7 }, /found 7/],
    ['from', { from: undefined }, /found undefined; expected 'earliest' or 'latest'/],
    ['from', { from: 'beginning' }, /found 'beginning'/],
    ['ordering', { ordering: 'partition' }, /expected 'key' or 'none'/],
    ['unhandled', { unhandled: 'drop' }, /expected 'ignore' or 'reject'/],
    ['inbox', { inbox: 'later' }, /expected 'direct' or 'store-first'/],
    ['inbox', { inbox: 'store-first' }, /give a database/],
    ['afterDeadLetter', { afterDeadLetter: 'wait' }, /expected 'block' or 'continue'/],
    ['afterDeadLetter', { afterDeadLetter: 'block' }, /give a database/],
    [
      'afterDeadLetter',
      { afterDeadLetter: 'block', inbox: 'store-first', database },
      /not there with inbox: 'store-first'/,
    ],
    ['parkedCapacity', { parkedCapacity: 10 }, /need a database/],
    ['suspectDeaths', { suspectDeaths: 2 }, /need a database/],
    ['suspectDeaths', { suspectDeaths: 0, database, inbox: 'store-first' }, /found 0/],
    ['parkedCapacity', { parkedCapacity: 0, database }, /found 0/],
    ['retry.attempts', { retry: { attempts: 0 } }, /found 0; expected a whole number from 1/],
    ['retry.attempts', { retry: { attempts: 1.5 } }, /found 1.5/],
    ['retry', { retry: 5 }, /found 5; expected an object/],
    ['retry.unless', { retry: { unless: 'CardStolen' } }, /found 'CardStolen'; expected a function/],
    ['retry.backoff', { retry: { backoff: 100 } }, /found 100; expected a function/],
    ['retry.budget', { retry: { budget: 0.1 } }, /found 0.1; expected a retryBudget/],
    ['runtime.log', { runtime: { log: {} } }, /found none with a method 'debug'/],
    ['retentionMs', { retentionMs: 0 }, /found 0; expected a number of milliseconds above 0/],
    ['timeoutMs', { timeoutMs: 0 }, /found 0; expected a number of milliseconds above 0/],
    ['timeoutMs', { timeoutMs: '5000' }, /found '5000'/],
    ['totalTimeoutMs', { totalTimeoutMs: Number.NaN }, /found NaN/],
    ['concurrency', { concurrency: -1 }, /found -1/],
    ['maxInFlight', { maxInFlight: 0 }, /found 0/],
    ['holdMs', { holdMs: 60_001 }, /found 60001, but transport 'scripted' holds a message for 60000 ms at most/],
  ];

  for (const [option, options, message] of bad) {
    it(`are refused for ${JSON.stringify(options)}, naming ${option}`, () => {
      assert.throws(
        () => create({ ...required, ...options }),
        (error) => error instanceof InvalidOptionError && error.option === option && message.test(error.message),
      );
    });
  }

  it('may be undefined where they may be left out', () => {
    createConsumer({ ...required, timeoutMs: undefined, retry: undefined, ordering: undefined, runtime: undefined });
    createConsumer({ ...required, retry: { attempts: Number.POSITIVE_INFINITY, backoff: undefined } });
  });
});

describe('the types of a consumer', () => {
  it('know a payload as the output of its schema', () => {
    createConsumer(required).on(OrderPlaced, async (order) => {
      order.orderId satisfies string;
      // @ts-expect-error the schema has no such field
      order.total;
    });
  });

  it('know once with a database only, with the transaction of its client', () => {
    createConsumer({ ...required, database }).on(OrderPlaced, async (order, { once, signal }) => {
      signal satisfies AbortSignal;
      const result = await once(async (tx) => {
        await tx.insert(order.orderId);
        return 1;
      });
      if (result.outcome === 'done') result.value satisfies number;
    });
    createConsumer(required).on(OrderPlaced, async (_order, context) => {
      // @ts-expect-error there is no database to keep it
      context.once;
    });
  });

  it('know a batch, and its once with the entries that are new', () => {
    const consumer = createConsumer({ ...required, database });
    consumer.onBatch(
      OrderPlaced,
      async (batch, { once, group }) => {
        group satisfies string;
        batch[0]?.payload.orderId satisfies string | undefined;
        const result = await once(async (tx, fresh) => {
          for (const { payload } of fresh) await tx.insert(payload.orderId);
        });
        if (result.outcome === 'done') result.duplicates[0]?.message.id satisfies string | undefined;
      },
      { maxSize: 10 },
    );
    // @ts-expect-error a batch has a size
    assert.throws(() => createConsumer(required).onBatch(OrderPlaced, async () => {}, {}));
  });

  it('refuse options that do not exist', () => {
    // @ts-expect-error no breaker
    assert.throws(() => createConsumer({ ...required, breaker: {} }));
    // @ts-expect-error where a new group starts has no default
    assert.throws(() => createConsumer({ transport: required.transport, group: 'billing' }));
  });
});
