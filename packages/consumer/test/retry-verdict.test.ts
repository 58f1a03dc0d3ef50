import assert from 'node:assert/strict';
import { ClosedError, DecodeError, HoldfastError, InvalidOptionError, PublishError, silentLog } from '@holdfast/core';
import { ClaimEndedError, LeaseLostError } from '@holdfast/flow';
import { BulkheadFullError, CircuitOpenError, constant, exponential, RateLimitedError } from '@holdfast/policies';
import { UnknownOutcomeError } from '@holdfast/postgres';
import { InboxUnavailableError, OnceTwiceError } from '../src/errors.ts';
import { checkDelays, redeliveryHorizonMs, retryVerdict, speaksOfCalled, withinTotal } from '../src/retry-verdict.ts';
import { aDelivery, aMessage } from './a-delivery.ts';

class Passing extends HoldfastError {
  override readonly code = 'passing';
}

const verdict = retryVerdict({
  attempts: 3,
  backoff: (attempt) => attempt * 100,
  unless: (error) => error instanceof RangeError,
  random: () => 0.5,
  maxDelayMs: 250,
  holdMs: 5_000,
  log: silentLog,
});

const unspent = { outcome: 'retry', delayMs: 1_000, spent: false };
const open = (retryAfterMs: number | undefined) => new CircuitOpenError('bank', 'is open', retryAfterMs);
const closed = new ClosedError("transport 'kafka'");

describe('the verdict on a failed attempt', () => {
  const table: readonly [what: string, error: unknown, attempt: number, expected: object | RegExp][] = [
    ['an error', new Error('busy'), 1, { outcome: 'retry', delayMs: 100, spent: true }],
    ['an error at a later attempt', new Error('busy'), 2, { outcome: 'retry', delayMs: 200, spent: true }],
    ['an error whose wait is cut', new Error('busy'), 2.9, { outcome: 'retry', delayMs: 250, spent: true }],
    ['an error at the last attempt', new Error('busy'), 3, /^attempts_exhausted: 3 of 3, Error: busy$/],
    ['an error past the last attempt', new Error('busy'), 9, /^attempts_exhausted/],
    ['an error that unless names', new RangeError('never'), 1, /^refused_by_unless: RangeError: never$/],
    ['a body that does not decode', new DecodeError('no JSON'), 1, /^undecodable_body: no JSON$/],
    ['a Holdfast error that is not retryable', new OnceTwiceError('m-1'), 1, /^not_retryable: OnceTwiceError/],
    [
      'a Holdfast error that is retryable',
      new Passing('later', { retryable: true }),
      1,
      { outcome: 'retry', delayMs: 100, spent: true },
    ],
    ['something that is no error', 'a string', 1, { outcome: 'retry', delayMs: 100, spent: true }],
    ['undefined', undefined, 3, /^attempts_exhausted: 3 of 3, undefined$/],
    ['something that this process has closed', closed, 9, unspent],
    [
      'a publish over something closed',
      PublishError.all('orders', [aMessage()], { outcome: 'failed', error: closed }),
      9,
      unspent,
    ],
    [
      'a publish that is refused for itself',
      PublishError.all('orders', [aMessage()], { outcome: 'failed', error: new OnceTwiceError('m') }),
      1,
      /^not_retryable/,
    ],
    ['a breaker inside of the handler that is open', open(400), 9, { ...unspent, delayMs: 500 }],
    ['one that is open for long', open(60_000), 9, { ...unspent, delayMs: 5_000 }],
    ['one whose trials run', open(undefined), 9, { ...unspent, delayMs: 312.5 }],
    ['a rate limit inside of the handler', new RateLimitedError('bank', 800), 9, unspent],
    [
      'a bulkhead inside of the handler',
      new BulkheadFullError('bank', { slots: 1, queue: 0 }),
      9,
      { ...unspent, delayMs: 312.5 },
    ],
    ['the end of a claim', new ClaimEndedError({ topic: 'orders', partition: 0, token: '1' }), 9, unspent],
    ['the loss of a lease', new LeaseLostError('orders', 0, 'another member has taken it'), 9, unspent],
    [
      "a commit of the handler's own that got no reply",
      new UnknownOutcomeError(new Error('ECONNRESET')),
      1,
      { outcome: 'retry', delayMs: 100, spent: true },
    ],
    [
      'an inbox that cannot be used',
      new InboxUnavailableError(new Error('ECONNREFUSED')),
      1,
      { outcome: 'retry', delayMs: 1_000, spent: false },
    ],
    [
      'an inbox that cannot be used, at the last attempt',
      new InboxUnavailableError(new Error('ECONNREFUSED')),
      3,
      { outcome: 'retry', delayMs: 1_000, spent: false },
    ],
  ];

  for (const [what, error, attempt, expected] of table) {
    it(`of ${what} is ${expected instanceof RegExp ? `a rejection: ${expected}` : JSON.stringify(expected)}`, () => {
      const settlement = verdict(error, aDelivery({ attempt }));
      if (!(expected instanceof RegExp)) return assert.deepEqual(settlement, expected);
      assert.equal(settlement.outcome, 'reject');
      assert.match(settlement.reason, expected);
    });
  }

  it('treats a rule that throws as none, and says so', () => {
    const said: string[] = [];
    const log = { ...silentLog, error: (_fields: object, message: string) => void said.push(message) };
    const fault = (): never => {
      throw new TypeError('cannot read properties of undefined');
    };
    const rule = { attempts: 3, backoff: constant({ delayMs: 10 }), unless: () => false, random: () => 0.5, log };
    const failed = new Error('busy');
    const spent = { outcome: 'retry', spent: true };
    for (const [broken, delayMs] of [
      [{ unless: fault }, 10],
      [{ backoff: fault }, 5_000],
      [{ backoff: () => Number.NaN }, 5_000],
    ] as const) {
      const settle = retryVerdict({ ...rule, ...broken, maxDelayMs: 60_000, holdMs: 5_000 });
      assert.deepEqual(settle(failed, aDelivery()), { ...spent, delayMs });
    }
    assert.deepEqual(
      said.map((line) => line.split(' ')[0]),
      ['retry.unless', 'retry.backoff', 'retry.backoff'],
    );
  });

  it('lets a backoff grow from the wait before', () => {
    const backoff = exponential({ baseMs: 10, maxMs: 1_000, jitter: 'decorrelated' });
    const settle = retryVerdict({
      ...{
        attempts: 9,
        backoff,
        unless: () => false,
        random: () => 0.99,
        maxDelayMs: 60_000,
        holdMs: 5_000,
        log: silentLog,
      },
    });
    const settlement = settle(new Error('busy'), aDelivery(), 200);
    assert.ok(settlement.outcome === 'retry' && settlement.delayMs > 500);
  });

  it('keeps only the start of a long error text', () => {
    const settlement = verdict(new Error('x'.repeat(10_000)), aDelivery({ attempt: 3 }));
    assert.ok(settlement.outcome === 'reject' && settlement.reason.length < 300);
  });
});

describe('what speaks of the thing that handlers call', () => {
  const speaks = speaksOfCalled({ unless: (error) => error instanceof RangeError, log: silentLog });
  const table: readonly [what: string, error: unknown, expected: boolean][] = [
    ['an error', new Error('down'), true],
    ['a Holdfast error that is retryable', new Passing('later', { retryable: true }), true],
    ['an error that unless names', new RangeError('stolen'), false],
    ['a Holdfast error that is not retryable', new OnceTwiceError('m-1'), false],
    ['a body that does not decode', new DecodeError('no JSON'), false],
    ['an inbox that cannot be used', new InboxUnavailableError(new Error('ECONNREFUSED')), false],
    ['a commit without a reply', new UnknownOutcomeError(new Error('ECONNRESET')), false],
    ['the end of a claim', new ClaimEndedError({ topic: 'orders', partition: 0, token: '1' }), false],
    ['a policy that did not let it run', new CircuitOpenError('bank', 'is open', 50), false],
  ];
  for (const [what, error, expected] of table) {
    it(`${what}: ${expected ? 'yes' : 'no'}`, () => assert.equal(speaks(error), expected));
  }
});

describe('the total time', () => {
  const retry = { outcome: 'retry', delayMs: 100, spent: true } as const;

  it('lets a retry be that begins in time', () => {
    assert.equal(withinTotal(retry, 899, 1_000), retry);
    assert.equal(withinTotal(retry, 10_000, undefined), retry);
  });

  it('rejects a message whose next attempt would begin too late', () => {
    const settlement = withinTotal(retry, 900, 1_000);
    assert.ok(settlement.outcome === 'reject' && settlement.reason.startsWith('total_timeout'));
  });

  it("lets a retry be that is not the message's doing", () => {
    const unspent = { ...retry, spent: false } as const;
    assert.equal(withinTotal(unspent, 5_000, 1_000), unspent);
  });

  it('leaves a rejection as it is', () => {
    const reject = { outcome: 'reject', reason: 'undecodable_body' } as const;
    assert.equal(withinTotal(reject, 5_000, 1_000), reject);
  });
});

describe('how late a message may be handed over again', () => {
  it('is after all its waits, or after one where there is no last attempt', () => {
    const backoff = constant({ delayMs: 1_000 });
    assert.equal(redeliveryHorizonMs({ attempts: 4, backoff, maxDelayMs: 60_000 }), 3_000);
    assert.equal(redeliveryHorizonMs({ attempts: 4, backoff, maxDelayMs: 500 }), 1_500);
    assert.equal(redeliveryHorizonMs({ attempts: Number.POSITIVE_INFINITY, backoff, maxDelayMs: 60_000 }), 1_000);
  });
});

describe('the check of a backoff', () => {
  const isRefused = (error: unknown): boolean =>
    error instanceof InvalidOptionError && error.option === 'retry.backoff' && /after attempt 4/.test(error.message);

  it('refuses one that can wait longer than a message can be held, and says after which attempt', () => {
    const backoff = exponential({ baseMs: 1_000, maxMs: 60_000 });
    assert.throws(() => checkDelays({ attempts: 10, backoff }, 5_000), isRefused);
  });

  it('does not look at waits that no attempt follows', () => {
    const backoff = exponential({ baseMs: 1_000, maxMs: 60_000 });
    checkDelays({ attempts: 4, backoff }, 5_000);
  });

  it('ends for attempts without end', () => {
    checkDelays({ attempts: Number.POSITIVE_INFINITY, backoff: constant({ delayMs: 5_000 }) }, 5_000);
  });
});
