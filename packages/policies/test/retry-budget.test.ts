import assert from 'node:assert/strict';
import { constant, retry, retryBudget } from '@holdfast/policies';
import fc from 'fast-check';

const never = new AbortController().signal;

describe('retryBudget', () => {
  it('never allows more retries than its burst and its share of what succeeded', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 60 }),
        async (share, burst, ends) => {
          const budget = retryBudget({ share, burst });
          const policy = retry({ attempts: 3, backoff: constant({ delayMs: 0 }), budget });
          let [calls, runs, successes] = [0, 0, 0];
          const rest = [...ends];
          while (rest.length > 0) {
            calls++;
            await policy(async () => {
              runs++;
              if (rest.shift() === false) throw new Error('down');
              successes++;
            }, never).catch(() => {});
          }
          assert.ok(runs - calls <= burst + share * successes + 1e-9);
          assert.ok(budget.tokens >= 0 && budget.tokens <= burst);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('is shared by policies, refuses when it is used up, and is filled by successes', async () => {
    const budget = retryBudget({ share: 0.5, burst: 2 });
    const policies = [1, 2].map(() => retry({ attempts: 2, backoff: constant({ delayMs: 0 }), budget }));
    let runs = 0;
    const fails = async (): Promise<never> => {
      runs++;
      throw new Error('down');
    };
    for (const policy of [...policies, ...policies]) await assert.rejects(policy(fails, never), /down/);
    assert.deepEqual([runs, budget.tokens, budget.refused], [6, 0, 2]);
    for (const policy of policies) await policy(async () => {}, never);
    assert.equal(budget.tokens, 1);
  });

  it('refuses options that cannot work', () => {
    assert.throws(() => retryBudget({ share: -0.1 }), { code: 'invalid_option', option: 'share' });
    assert.throws(() => retryBudget({ share: 1.1 }), { code: 'invalid_option', option: 'share' });
    assert.throws(() => retryBudget({ share: 0.1, burst: 0 }), { code: 'invalid_option', option: 'burst' });
  });
});
