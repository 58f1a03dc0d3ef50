import { randomUUID } from 'node:crypto';
import { systemClock } from '@holdfast/core';
import { eventually } from './eventually.ts';
import { createGate, type Gate } from './gate.ts';
import { createRecorder, type Recorder } from './recorder.ts';

/** What every test works with. What it hands out is ended after the test, passed or failed. */
export interface Bench {
  /** What the adapters of the test logged and counted. */
  readonly recorder: Recorder;
  /** A name that nobody else uses. */
  name(label: string): string;
  /** A gate that opens at the latest when the test ends. */
  gate(): Gate;
  /** Repeats an assertion until it holds, as long as the adapter under test may need. */
  eventually(assertion: () => Promise<void> | void): Promise<void>;
  /** Runs when the test ends; what came last ends first. */
  onEnd(action: () => Promise<void> | void): void;
  cleanUp(): Promise<void>;
}

export const createBench = (patienceMs: number): Bench => {
  const recorder = createRecorder();
  const endings: (() => Promise<void> | void)[] = [];
  let names = 0;
  const onEnd = (action: () => Promise<void> | void): void => {
    endings.push(action);
  };
  return {
    recorder,
    onEnd,
    name: (label) => `${label}-${++names}-${randomUUID().slice(0, 8)}`,
    gate: () => {
      const gate = createGate();
      onEnd(gate.open);
      return gate;
    },
    eventually: (assertion) => eventually(assertion, { timeoutMs: patienceMs }),
    cleanUp: async () => {
      const results: PromiseSettledResult<void>[] = [];
      for (const end of endings.splice(0).reverse()) results.push(...(await Promise.allSettled([endInTime(end)])));
      recorder.clear();
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
};

/** A close that hangs fails its own test, not the whole suite. */
const endInTime = async (end: () => Promise<void> | void): Promise<void> => {
  const limitMs = 3_000;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = systemClock.after(limitMs, () =>
    reject(new Error(`what the test opened did not close in ${limitMs} ms`)),
  );
  try {
    await Promise.race([end(), late]);
  } finally {
    cancel();
  }
};
