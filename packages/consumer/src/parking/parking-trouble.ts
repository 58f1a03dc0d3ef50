import type { HoldfastError, Runtime } from '@holdfast/core';

/** Why nothing can be parked: for health. */
export interface ParkingTrouble {
  full(error: HoldfastError): void;
  unavailable(error: HoldfastError): void;
  /** Something was stored. */
  over(): void;
  readonly reason: string | undefined;
}

/** Whoever cannot park tries again within seconds: when nobody has for so long, what could not has gone elsewhere. */
const endsAfterMs = 60_000;

export const createParkingTrouble = ({ clock, log }: Pick<Runtime, 'clock' | 'log'>, group: string): ParkingTrouble => {
  let reason: string | undefined;
  let since = 0;

  const begin = (error: HoldfastError): void => {
    if (reason !== error.message) log.warn({ error, group }, 'messages cannot be parked; their partitions wait');
    reason = error.message;
    since = clock.monotonic();
  };
  return {
    full: begin,
    unavailable: begin,
    over: () => {
      reason = undefined;
    },
    get reason() {
      return clock.monotonic() - since <= endsAfterMs ? reason : undefined;
    },
  };
};
