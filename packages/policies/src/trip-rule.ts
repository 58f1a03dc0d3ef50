import { type Clock, InvalidOptionError, requireWhole } from '@holdfast/core';
import { requireMs, requireShare } from './check-options.ts';
import { createFailureWindow } from './failure-window.ts';

/** When a share of failures opens a circuit. */
export interface FailureShare {
  /** Above 0, at most 1: opens when so much of what ended in the window failed. */
  readonly share: number;
  readonly windowMs: number;
  /** With fewer calls in the window a share says nothing. Default 20. */
  readonly leastCalls?: number | undefined;
}

export interface TripOptions {
  /** Opens after so many failures in a row. */
  readonly failures?: number | undefined;
  /** Opens at a share of failures in a sliding window. With `failures` too, whichever comes first. */
  readonly sampling?: FailureShare | undefined;
}

/** Says when failures are too many. */
export interface TripRule {
  /** A run has ended. True: too many have failed. */
  ended(failed: boolean): boolean;
  /** Forgets all. */
  reset(): void;
}

export const createTripRule = ({ failures, sampling }: TripOptions, clock: Clock): TripRule => {
  const inRow = failures === undefined ? undefined : inARow(failures);
  const inWindow = sampling === undefined ? undefined : inAWindow(sampling, clock);
  if (inRow !== undefined && inWindow !== undefined) return either(inRow, inWindow);
  const rule = inRow ?? inWindow;
  if (rule !== undefined) return rule;
  throw new InvalidOptionError('failures', 'found nothing that opens the circuit; give failures or sampling');
};

const either = (one: TripRule, other: TripRule): TripRule => ({
  ended: (failed) => {
    const trips = [one.ended(failed), other.ended(failed)];
    return trips.includes(true);
  },
  reset: () => {
    one.reset();
    other.reset();
  },
});

const inARow = (most: number): TripRule => {
  requireWhole('failures', most, 1);
  let inRow = 0;
  return {
    ended: (failed) => {
      inRow = failed ? inRow + 1 : 0;
      return inRow >= most;
    },
    reset: () => {
      inRow = 0;
    },
  };
};

const inAWindow = ({ share, windowMs, leastCalls = 20 }: FailureShare, clock: Clock): TripRule => {
  requireShare('sampling.share', share);
  requireMs('sampling.windowMs', windowMs);
  requireWhole('sampling.leastCalls', leastCalls, 1);
  const window = createFailureWindow(windowMs);
  return {
    ended: (failed) => {
      window.add(clock.monotonic(), failed);
      return failed && window.ended >= leastCalls && window.failed >= share * window.ended;
    },
    reset: window.clear,
  };
};
