/** Where all times and waits come from. */
export interface Clock {
  /** Wall-clock milliseconds since the epoch: for people and headers, never for durations. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start: for durations and deadlines. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function cancels. The timer keeps the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** A timer above 2^31-1 ms fires at once in Node; longer waits are made of pieces of this length. */
const maxTimerMs = 2 ** 30;

/** The system's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      timer = leftMs > maxTimerMs ? setTimeout(arm, maxTimerMs, leftMs - maxTimerMs) : setTimeout(callback, leftMs);
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it aborts. */
export const sleep = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
