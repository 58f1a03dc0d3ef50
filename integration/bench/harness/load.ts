import { setTimeout as sleep } from 'node:timers/promises';

export interface ClosedLoad {
  readonly workers: number;
  readonly durationMs: number;
  /** Called again as soon as it has resolved. */
  readonly work: (worker: number) => Promise<void>;
}

/** Keeps `workers` calls going for a time. Gives back how many ended per second. */
export const callsPerSecond = async ({ workers, durationMs, work }: ClosedLoad): Promise<number> => {
  const startedAt = performance.now();
  const deadline = startedAt + durationMs;
  let calls = 0;
  const run = async (worker: number): Promise<void> => {
    while (performance.now() < deadline) {
      await work(worker);
      calls++;
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => run(worker)));
  return (calls / (performance.now() - startedAt)) * 1_000;
};

export interface OpenLoad {
  readonly perSecond: number;
  readonly durationMs: number;
  readonly work: () => Promise<void>;
}

/** Begins `perSecond` calls a second whether or not the earlier ones have ended. Gives back how long each took, in ms. */
export const callTimes = async ({ perSecond, durationMs, work }: OpenLoad): Promise<readonly number[]> => {
  const startedAt = performance.now();
  const times: number[] = [];
  const calls: Promise<void>[] = [];
  const call = async (): Promise<void> => {
    const calledAt = performance.now();
    await work();
    times.push(performance.now() - calledAt);
  };
  for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - startedAt) {
    while (calls.length < (elapsed * perSecond) / 1_000) calls.push(call());
    await sleep(1);
  }
  await Promise.all(calls);
  return times;
};

/** How many of `count` things a second, for what took until `run` resolved. */
export const perSecond = async (count: number, run: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await run();
  return (count / (performance.now() - startedAt)) * 1_000;
};
