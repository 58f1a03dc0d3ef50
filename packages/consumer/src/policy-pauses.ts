import type { SlowStart } from './slow-start.ts';
import type { WatchedPolicy } from './watched-policy.ts';

export interface PolicyPausesOptions {
  readonly breaker?: WatchedPolicy | undefined;
  readonly bulkhead?: WatchedPolicy | undefined;
  /** Told when the bulkhead is full. */
  readonly slowStart: SlowStart;
  pause(reason: string): void;
  resume(reason: string): void;
}

/** Pauses the source while a policy lets nothing through, so that the rest waits with the broker. */
export interface PolicyPauses {
  start(): void;
  stop(): void;
}

export const createPolicyPauses = (options: PolicyPausesOptions): PolicyPauses => {
  const { breaker, bulkhead, slowStart, pause, resume } = options;
  const stops: (() => void)[] = [];

  const follow = (policy: WatchedPolicy | undefined, reason: string, onPause = (): void => {}): void => {
    const stop = policy?.watch((shut) => {
      if (shut) onPause();
      (shut ? pause : resume)(reason);
    });
    if (stop !== undefined) stops.push(stop);
  };

  return {
    start: () => {
      follow(breaker, 'the circuit breaker is open');
      follow(bulkhead, 'the bulkhead is full', slowStart.onFull);
    },
    stop: () => {
      for (const stop of stops.splice(0)) stop();
    },
  };
};
