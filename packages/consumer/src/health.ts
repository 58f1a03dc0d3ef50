import type { Health } from '@holdfast/core';
import type { ConsumerStats } from './stats.ts';
import { stillAfterMs } from './vitals.ts';

/** Live: not known to be broken. Ready: started, in its group, and moving if there is anything to do. */
export interface ConsumerHealth extends Health {
  readonly stats: ConsumerStats;
}

export type Phase = 'not started' | 'starting' | 'running' | 'closing' | 'closed' | 'broken';

export interface Condition {
  readonly phase: Phase;
  /** Of what it is made of: the subscription, and with `store-first` the relay of the stored messages. */
  readonly parts: readonly Health[];
  /** Why the inbox cannot be used. */
  readonly troubles: readonly string[];
  readonly stats: ConsumerStats;
  /** For how long no message has left while there was something to do. */
  readonly stillMs: number;
}

export const readHealth = ({ phase, parts, troubles, stats, stillMs }: Condition): ConsumerHealth => {
  const stuck = stillMs > stillAfterMs;
  const reasons = [
    ...(phase === 'running' ? [] : [phase]),
    ...parts.flatMap(({ reasons }) => reasons),
    ...new Set(troubles),
    ...(stuck
      ? [
          `no message has left for ${Math.round(stillMs)} ms while ${stats.inFlight} are being handled; those that failed are tried again`,
        ]
      : []),
  ];
  return {
    live: !ended.has(phase) && parts.every(({ live }) => live),
    ready: phase === 'running' && parts.every(({ ready }) => ready) && troubles.length === 0 && !stuck,
    reasons,
    stats,
  };
};

const ended: ReadonlySet<Phase> = new Set(['closing', 'closed', 'broken']);
