import { type CrashWorld, type CrashWorldOptions, openCrashWorld } from './crash-world.ts';
import { StillRunsError } from './crew.ts';

type Run = (world: CrashWorld) => Promise<void>;
type Options = () => Promise<CrashWorldOptions> | CrashWorldOptions;

/**
 * A test with a world of its own. A failure says the seed that its plan was made from: give it as HOLDFAST_SEED. A promise that
 * was found broken is never tried again: what is broken now and then is broken. A run that did not come so far in its time,
 * as happens on shared machines, is played once more, with another seed, and says so.
 */
export const scenario = (title: string, run: Run, options?: Options): void => {
  const test = it(title, async () => {
    const { failure, judged } = await play(run, options);
    if (failure === undefined) return;
    if (judged) throw failure;
    console.warn(`${title}: did not come to its end, once more: ${failure.message}`);
    const again = await play(run, options);
    if (again.failure !== undefined) throw again.failure;
  });
  test.timeout(2 * playMs + 60_000);
  test.retries(0);
};

/** Well below what Mocha allows for two runs: one that hangs ends with the state of its world, not with Mocha's timeout. */
const playMs = 180_000;

const inTime = (running: Promise<void>): Promise<void> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`it hung for ${playMs} ms`)), playMs);
  return Promise.race([running, late.promise]).finally(() => clearTimeout(timer));
};

const play = async (
  run: Run,
  options: Options | undefined,
): Promise<{ readonly failure?: Error; readonly judged: boolean }> => {
  const world = await openCrashWorld(await options?.());
  try {
    await inTime(run(world));
    return { judged: world.judged };
  } catch (error) {
    const found = error instanceof Error ? error.message : error;
    const failure = new Error(`seed ${world.seed}: ${found}\n${await world.state()}`, { cause: error });
    return { failure, judged: world.judged || error instanceof StillRunsError };
  } finally {
    await world.close();
  }
};
