import assert from 'node:assert/strict';
import { HoldfastError } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { errorText } from '../src/error-text.ts';
import { type Judgement, judge, type Trouble } from '../src/judge.ts';
import type { SendOutcome } from '../src/relay-sink.ts';

class FinalError extends HoldfastError {
  override readonly code = 'final';
}

const options = { attempts: 3, backoff: constant({ delayMs: 7 }), random: () => 0.5 };
const failed: SendOutcome = { outcome: 'failed', error: new Error('no') };
const unknown: SendOutcome = { outcome: 'unknown', error: new Error('lost') };
const later: SendOutcome = { outcome: 'later', delayMs: 99, spent: true };

const judged = (outcomes: readonly (readonly [SendOutcome, othersPass?: boolean])[]): Judgement | undefined => {
  let before: Trouble | undefined;
  let last: Judgement | undefined;
  for (const [outcome, othersPass = true] of outcomes) {
    if (outcome.outcome === 'ok') continue;
    last = judge(outcome, { before, othersPass, at: 0 }, options);
    before = last.trouble;
  }
  return last;
};

describe('the judgement of a row that was not confirmed', () => {
  it('is to wait until the attempts are used up, then to park', () => {
    assert.deepEqual(judged([[failed], [failed]])?.decision, 'wait');
    const parked = judged([[failed], [failed], [failed]]);
    assert.deepEqual([parked?.decision, parked?.decision === 'park' && parked.reason], ['park', 'attempts']);
    assert.deepEqual(parked?.trouble?.errors, ['Error: no', 'Error: no', 'Error: no']);
  });

  it('counts nothing that does not speak against the row', () => {
    assert.equal(judged(Array.from({ length: 50 }, () => [unknown]))?.decision, 'wait');
    assert.equal(judged(Array.from({ length: 50 }, () => [failed, false]))?.decision, 'wait');
    assert.equal(judged([[failed], [failed, false], [unknown], [failed], [later], [failed]])?.decision, 'park');
  });

  it('is to park at once for an error that will not pass, but not where the outcome is unknown', () => {
    const error = new FinalError('never');
    const parked = judged([[{ outcome: 'failed', error }, false]]);
    assert.deepEqual([parked?.decision, parked?.decision === 'park' && parked.reason], ['park', 'final']);
    assert.equal(judged([[{ outcome: 'unknown', error }]])?.decision, 'wait');
  });

  it('waits as long as it is told, or as the backoff says', () => {
    assert.deepEqual(judged([[later]]), { decision: 'wait', delayMs: 99, trouble: undefined });
    const waiting = judged([[failed]]);
    assert.equal(waiting?.decision === 'wait' && waiting.delayMs, 7);
  });

  it('keeps the last errors, as short lines', () => {
    const many = judged(
      Array.from({ length: 30 }, (_, n) => [{ outcome: 'unknown', error: new Error(`${n}`) }] as const),
    );
    assert.deepEqual(
      [many?.trouble?.errors.length, many?.trouble?.errors.at(-1), many?.trouble?.failures],
      [10, 'Error: 29', 30],
    );
    assert.equal(errorText(new FinalError('x'.repeat(900))).length, 500);
    assert.equal(errorText('text'), 'text');
  });
});
