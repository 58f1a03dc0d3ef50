import type { Clock } from '@holdfast/core';
import type { OwnedSequences } from '@holdfast/inbox';

/** What is suspected in a partition whose owner before has died. */
export interface Suspicion {
  /** Messages that were running when an owner died, with how often each has killed one while it ran alone. */
  readonly suspects: Map<string, number>;
  /** Whether the start of the message is recorded: the owner before may have started it. */
  watches(id: string): boolean;
  /** The message has run, and this process lives; or it is a dead letter. */
  survived(id: string): void;
  /** Nothing is left that the dead may have started. */
  readonly isOver: boolean;
}

export interface SuspicionOptions extends Pick<OwnedSequences, 'deaths' | 'suspects'> {
  /** How many messages the owner before may have had. */
  readonly maxInFlight: number;
  readonly clock: Clock;
}

/** A process that has lived for so long with what the dead had was not killed by it. */
const watchMs = 60_000;

/** Undefined: the owner before has ended in order. */
export const createSuspicion = ({ deaths, suspects, maxInFlight, clock }: SuspicionOptions): Suspicion | undefined => {
  if (deaths === 0 && suspects.size === 0) return undefined;
  const open = new Map(suspects);
  const watched = new Set<string>();
  const until = clock.monotonic() + watchMs;
  let toWatch = maxInFlight;
  return {
    suspects: open,
    watches: (id) => {
      if (watched.has(id)) return true;
      if (toWatch === 0 || clock.monotonic() > until) return false;
      toWatch--;
      watched.add(id);
      return true;
    },
    survived: (id) => {
      watched.delete(id);
      open.delete(id);
    },
    get isOver() {
      return watched.size === 0 && (toWatch === 0 || clock.monotonic() > until);
    },
  };
};
