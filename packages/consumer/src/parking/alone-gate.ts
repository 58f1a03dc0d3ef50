import type { Clock } from '@holdfast/core';

/** Lets everything run together, or one alone. */
export interface AloneGate {
  /** Runs with others. Waits while one runs alone, or is about to. */
  together<T>(run: () => Promise<T>): Promise<T>;
  /** Runs when nothing else does. Undefined: the others did not end in time, and it has not run. */
  alone<T>(run: () => Promise<T>): Promise<T | undefined>;
}

/** How long others are waited for: one that hangs must not hold up all for good. */
const patienceMs = 10_000;

export const createAloneGate = (clock: Clock): AloneGate => {
  let running = 0;
  let opening: PromiseWithResolvers<void> | undefined;
  let onIdle = (): void => {};

  const leave = (): void => {
    if (--running === 0) onIdle();
  };

  /** Whether nothing runs, after waiting for it. */
  const idle = async (): Promise<boolean> => {
    if (running === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    onIdle = () => resolve(true);
    const cancel = clock.after(patienceMs, () => resolve(false));
    const isIdle = await promise;
    cancel();
    onIdle = () => {};
    return isIdle;
  };

  return {
    together: async (run) => {
      while (opening !== undefined) await opening.promise;
      running++;
      try {
        return await run();
      } finally {
        leave();
      }
    },
    alone: async (run) => {
      while (opening !== undefined) await opening.promise;
      const mine = Promise.withResolvers<void>();
      opening = mine;
      try {
        return (await idle()) ? await run() : undefined;
      } finally {
        opening = undefined;
        mine.resolve();
      }
    },
  };
};
