import { InvalidOptionError } from '@holdfast/core';
import type { MochaLike } from './mocha-like.ts';
import { seedRandom } from './random.ts';

/** One promise, as a test. Its name starts with the promise: `P1: …`. */
export interface TestCase<Bench> {
  readonly name: string;
  /** Why it means nothing for the adapter under test, from its declared abilities; undefined where it does. */
  readonly pointless?: ((bench: Bench) => string | undefined) | undefined;
  readonly run: (bench: Bench) => Promise<void>;
}

/** A test that an adapter does not pass, and why that is right. Shown as skipped, with the reason. */
export interface Skip {
  readonly test: string;
  readonly reason: string;
}

export interface Registration<Bench> {
  readonly title: string;
  readonly cases: readonly TestCase<Bench>[];
  readonly skip: readonly Skip[];
  readonly bench: Bench;
  readonly cleanUp: () => Promise<void>;
}

/** Registers the cases: each as a test, or as a skipped one that shows its reason. */
export const registerCases = <Bench>(
  { title, cases, skip, bench, cleanUp }: Registration<Bench>,
  { describe, it, afterEach }: MochaLike,
): void => {
  checkSkips(cases, skip);
  describe(title, () => {
    // For tests that failed or timed out. A framework may give up the whole suite when this rejects, and such a test has
    // already said what is wrong.
    afterEach(() => cleanUp().catch(() => {}));
    for (const { name, pointless, run } of cases) {
      const runClean = async (): Promise<void> => {
        const seed = seedRandom();
        await run(bench).catch((error: unknown) => {
          throw withSeed(error, seed);
        });
        await cleanUp();
      };
      const reason = skip.find(({ test }) => test === name)?.reason ?? pointless?.(bench);
      if (reason === undefined) it(name, runClean);
      else it.skip(`${name} [skipped: ${reason}]`, runClean);
    }
  });
};

/** The seed repeats what a test chose, not how the threads and servers beside it ran. */
const withSeed = (error: unknown, seed: number): unknown => {
  if (error instanceof Error) error.message += `\n(HOLDFAST_SEED=${seed})`;
  return error;
};

/** A skip that names no test would hide that the test it meant runs, or is gone. */
const checkSkips = (cases: readonly { readonly name: string }[], skip: readonly Skip[]): void => {
  for (const { test, reason } of skip) {
    if (!cases.some(({ name }) => name === test)) {
      throw new InvalidOptionError('skip', `the suite has no test '${test}'; copy the name of one`);
    }
    if (reason.trim() === '')
      throw new InvalidOptionError('skip', `test '${test}' is skipped without a reason; give one`);
  }
};
