import type { Clock } from '@holdfast/core';

/** What a channel has been handed over, and up to which of them everything is acked. */
export interface Progress {
  readonly delivered: number;
  readonly ackedTo: number;
}

/** Knows for how long the oldest unacked message has been here: never too little, and at most the time between two looks too much. */
export interface UnackedAge {
  lookMs(progress: Progress): number;
}

export const createUnackedAge = (clock: Clock): UnackedAge => {
  /** One for each look that found more: all up to this one came after that time. */
  const marks: { readonly upTo: number; readonly since: number }[] = [];
  let lookedAt = clock.monotonic();
  let marked = 0;
  return {
    lookMs: ({ delivered, ackedTo }) => {
      if (delivered > marked) marks.push({ upTo: delivered, since: lookedAt });
      marked = delivered;
      lookedAt = clock.monotonic();
      while (marks[0] !== undefined && marks[0].upTo <= ackedTo) marks.shift();
      return marks[0] === undefined ? 0 : lookedAt - marks[0].since;
    },
  };
};
