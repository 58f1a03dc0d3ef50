import assert from 'node:assert/strict';
import { type Backoff, constant, exponential, type Jitter } from '@holdfast/policies';
import fc from 'fast-check';

const attempt = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000_000 }));
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const shape = fc
  .record({
    baseMs: fc.integer({ min: 1, max: 100_000 }),
    moreMs: fc.integer({ min: 0, max: 2 ** 31 - 1 - 100_000 }),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
  })
  .map(({ baseMs, moreMs, factor }) => ({ baseMs, maxMs: baseMs + moreMs, factor }));
const never = (): number => 0;
const almostOne = (): number => 1 - Number.EPSILON;

/** The mean of many delays, from a generator with a fixed seed. */
const meanOf = (backoff: Backoff, nth: number): number => {
  let state = 42;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let sum = 0;
  for (let run = 0; run < 20_000; run++) sum += backoff(nth, random);
  return sum / 20_000;
};

describe('backoff', () => {
  it('doubles from baseMs to maxMs', () => {
    const backoff = exponential({ baseMs: 100, maxMs: 1_000, jitter: 'none' });
    assert.deepEqual(
      [1, 2, 3, 4, 5, 600].map((nth) => backoff(nth, never)),
      [100, 200, 400, 800, 1_000, 1_000],
    );
  });

  it('stays the same when it is constant', () => {
    assert.equal(constant({ delayMs: 70 })(9, never), 70);
    assert.equal(constant({ delayMs: 70, jitter: 'equal' })(9, never), 35);
    assert.equal(constant({ delayMs: 0 })(1, never), 0);
  });

  it('PB1: is whole milliseconds between its floor and its cap, for every attempt and every chance', () => {
    const floorOf = (jitter: Jitter, envelopeMs: number, baseMs: number): number =>
      ({ none: envelopeMs, full: 0, equal: envelopeMs / 2, decorrelated: baseMs })[jitter];
    const jitters = fc.constantFrom<Jitter>('none', 'full', 'equal', 'decorrelated');
    fc.assert(
      fc.property(
        shape,
        jitters,
        attempt,
        chance,
        fc.option(fc.integer({ min: 0, max: 2 ** 31 - 1 })),
        (options, jitter, nth, at, previousMs) => {
          const delayMs = exponential({ ...options, jitter })(nth, () => at, previousMs ?? undefined);
          const envelopeMs = Math.min(options.maxMs, options.baseMs * options.factor ** (nth - 1));
          assert.ok(Number.isInteger(delayMs), `${delayMs}`);
          assert.ok(delayMs >= Math.floor(floorOf(jitter, envelopeMs, options.baseMs)));
          assert.ok(delayMs <= (jitter === 'decorrelated' ? options.maxMs : Math.ceil(envelopeMs)));
          assert.ok(delayMs <= 2 ** 31 - 1);
        },
      ),
    );
  });

  it('PB1: never gets shorter with the attempts, chance aside', () => {
    fc.assert(
      fc.property(
        shape,
        fc.constantFrom<Jitter>('none', 'full', 'equal'),
        attempt,
        chance,
        (options, jitter, nth, at) => {
          const backoff = exponential({ ...options, jitter });
          assert.ok(backoff(nth + 1, () => at) >= backoff(nth, () => at));
        },
      ),
    );
  });

  it('PB1: is half the delay on average with full jitter, three quarters with equal', () => {
    const options = { baseMs: 1_000, maxMs: 60_000 };
    for (const [nth, envelopeMs] of [
      [1, 1_000],
      [3, 4_000],
      [20, 60_000],
    ] as const) {
      const full = meanOf(exponential(options), nth) / envelopeMs;
      const equal = meanOf(exponential({ ...options, jitter: 'equal' }), nth) / envelopeMs;
      assert.ok(Math.abs(full - 0.5) < 0.025, `${full}`);
      assert.ok(Math.abs(equal - 0.75) < 0.0375, `${equal}`);
    }
  });

  it('PB1: grows up to three times the last wait when it is decorrelated', () => {
    const backoff = exponential({ baseMs: 100, maxMs: 5_000, jitter: 'decorrelated' });
    assert.equal(backoff(1, almostOne), 300);
    assert.equal(backoff(2, almostOne, 300), 900);
    assert.equal(backoff(9, almostOne, 4_000), 5_000);
    assert.equal(backoff(9, never, 4_000), 100);
  });

  it('PB1: is the published formula of each jitter, for every attempt and every chance', () => {
    // https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/, its n counted from 0
    const previous = fc.integer({ min: 1, max: 2 ** 31 - 1 });
    fc.assert(
      fc.property(shape, attempt, chance, previous, ({ baseMs, maxMs }, nth, at, lastMs) => {
        const between = (least: number, most: number): number => least + at * (most - least);
        const cappedMs = Math.min(maxMs, baseMs * 2 ** (nth - 1));
        const published: Readonly<Record<Jitter, number>> = {
          none: cappedMs,
          full: between(0, cappedMs),
          equal: cappedMs / 2 + between(0, cappedMs / 2),
          decorrelated: Math.min(maxMs, between(baseMs, Math.max(baseMs, lastMs) * 3)),
        };
        for (const jitter of ['none', 'full', 'equal', 'decorrelated'] as const) {
          const delayMs = exponential({ baseMs, maxMs, jitter })(nth, () => at, lastMs);
          assert.ok(Math.abs(delayMs - published[jitter]) <= 0.5 + 1e-6, `${jitter}: ${delayMs}`);
        }
      }),
    );
  });

  it('refuses delays that a timer cannot wait and shapes that make no sense', () => {
    const refused = { code: 'invalid_option' };
    assert.throws(() => constant({ delayMs: -1 }), refused);
    assert.throws(() => constant({ delayMs: 2 ** 31 }), refused);
    assert.throws(() => constant({ delayMs: Number.NaN }), refused);
    assert.throws(() => exponential({ baseMs: 0, maxMs: 1 }), refused);
    assert.throws(() => exponential({ baseMs: 10, maxMs: 9 }), refused);
    assert.throws(() => exponential({ baseMs: 10, maxMs: 2 ** 31 }), refused);
    assert.throws(() => exponential({ baseMs: 10, maxMs: 100, factor: 0.5 }), refused);
    const jitter = 'some' as 'none';
    assert.throws(() => constant({ delayMs: 1, jitter }), { ...refused, option: 'jitter' });
    assert.throws(() => exponential({ baseMs: 1, maxMs: 10, jitter }), { ...refused, option: 'jitter' });
  });
});
