import type { Clock } from '@holdfast/core';
import { settledOrAborted, within } from '@holdfast/flow';
import type { KafkaLink } from './driver.ts';
import { NoAnswerError } from './errors.ts';

/** Resolves with the answer to a request; rejects with {@link NoAnswerError} when it takes longer. */
export type InTime = <T>(what: string, limitMs: number, ask: () => Promise<T>) => Promise<T>;

/** An answer that does not come makes the link anew: what it still carries is not delivered late. */
export const createInTime =
  (link: Pick<KafkaLink, 'reset'>, clock: Clock): InTime =>
  async (what, limitMs, ask) => {
    const answer = ask();
    let late = false;
    await within(clock, limitMs, async (limit) => {
      await settledOrAborted(answer, limit);
      late = limit.aborted;
    });
    if (!late) return answer;
    answer.catch(() => {});
    link.reset();
    throw new NoAnswerError(what, limitMs);
  };
