import { type CrashWorld, type CrashWorldOptions, openCrashWorld } from './crash-world.ts';

/**
 * A test with a world of its own. A failure says the seed that its plan was made from: give it as HOLDFAST_SEED. It is
 * never tried again: a promise that is broken now and then is broken.
 */
export const scenario = (
  title: string,
  run: (world: CrashWorld) => Promise<void>,
  options?: () => Promise<CrashWorldOptions> | CrashWorldOptions,
): void => {
  const test = it(title, async () => {
    const world = await openCrashWorld(await options?.());
    try {
      await run(world);
    } catch (error) {
      const found = error instanceof Error ? error.message : error;
      throw new Error(`seed ${world.seed}: ${found}\n${await world.state()}`, { cause: error });
    } finally {
      await world.close();
    }
  });
  test.timeout(180_000);
  test.retries(0);
};
