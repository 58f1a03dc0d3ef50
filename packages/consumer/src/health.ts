import type { Health } from '@holdfast/core';
import type { ConsumerStats } from './stats.ts';

/** Live: not known to be broken. Ready: started, in its group, and moving if there is anything to do. */
export interface ConsumerHealth extends Health {
  readonly stats: ConsumerStats;
}

export type Phase = 'not started' | 'starting' | 'running' | 'closing' | 'closed' | 'broken';

export interface Condition {
  readonly phase: Phase;
  /** Of the subscription, once there is one. */
  readonly subscription: Health | undefined;
  /** Why the inbox cannot be used. */
  readonly trouble: string | undefined;
  readonly stats: ConsumerStats;
  /** Since a message last left, or since there was nothing to do. */
  readonly stillMs: number;
}

/** Without one message leaving for so long while there are some, a consumer is not ready. */
const stillAfterMs = 60_000;

export const readHealth = ({ phase, subscription, trouble, stats, stillMs }: Condition): ConsumerHealth => {
  const stuck = stats.inFlight > 0 && stillMs > stillAfterMs;
  const reasons = [
    ...(phase === 'running' ? [] : [phase]),
    ...(subscription?.reasons ?? []),
    ...(trouble === undefined ? [] : [trouble]),
    ...(stuck ? [`no message has left for ${Math.round(stillMs)} ms while ${stats.inFlight} are being handled`] : []),
  ];
  return {
    live: !ended.has(phase) && subscription?.live !== false,
    ready: phase === 'running' && subscription?.ready === true && trouble === undefined && !stuck,
    reasons,
    stats,
  };
};

const ended: ReadonlySet<Phase> = new Set(['closing', 'closed', 'broken']);
