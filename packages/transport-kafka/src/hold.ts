import type { Clock } from '@holdfast/core';

export interface HoldOptions {
  readonly clock: Clock;
  readonly sessionTimeoutMs: number;
  /** The session is over: the group may have given the member's partitions away. Told also when nothing else happens. */
  readonly onOver: () => void;
}

/** Whether a group still counts on one of its members, as far as that can know: for a session from when it was last heard. */
export interface Hold {
  readonly stands: boolean;
  /** The group has answered a request that was sent at that time of the monotonic clock. */
  heard(sentMs: number): void;
  stop(): void;
}

export const createHold = ({ clock, sessionTimeoutMs, onOver }: HoldOptions): Hold => {
  let heardMs = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;
  let stopped = false;

  const leftMs = (): number => heardMs + sessionTimeoutMs - clock.monotonic();

  const watch = (): void => {
    cancel = clock.after(leftMs(), () => {
      cancel = undefined;
      if (leftMs() > 0) watch();
      else onOver();
    });
  };

  return {
    get stands() {
      return leftMs() > 0;
    },
    heard: (sentMs) => {
      heardMs = sentMs;
      if (cancel === undefined && !stopped) watch();
    },
    stop: () => {
      stopped = true;
      cancel?.();
    },
  };
};
