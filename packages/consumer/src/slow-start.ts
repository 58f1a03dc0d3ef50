import { createWaiters } from '@holdfast/flow';

/**
 * How a consumer comes back after its bulkhead was full: with as many handlers as it had in it when it filled, at least
 * one, and with one more for each that ends, until it has all of them again. So what shares the bulkhead finds places
 * too, and what is behind it, slow a moment ago, is not met by all handlers at once.
 */
export interface SlowStart {
  onFull(): void;
  /** Takes a place now, or when the promise resolves; rejects with the signal's reason. */
  enter(signal: AbortSignal): Promise<void> | undefined;
  /** `ran`: it was let in by the bulkhead. */
  leave(ran: boolean): void;
}

/** `handlers`: how many there are of the consumer in all. */
export const createSlowStart = (handlers: () => number): SlowStart => {
  let inside = 0;
  let limit = Number.POSITIVE_INFINITY;
  const serve = (): void => {
    for (; line.size > 0 && inside < limit; inside++) line.resolveFirst();
  };
  const line = createWaiters<void, void>(serve);
  return {
    onFull: () => {
      limit = Math.max(1, inside);
    },
    enter: (signal) => {
      if (inside >= limit || line.size > 0) return line.wait(undefined, signal);
      inside++;
      return undefined;
    },
    leave: (ran) => {
      inside--;
      if (ran) limit = limit + 1 < handlers() ? limit + 1 : Number.POSITIVE_INFINITY;
      serve();
    },
  };
};
