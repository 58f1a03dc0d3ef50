import assert from 'node:assert/strict';
import type { MochaLike } from '@holdfast/conformance';

/** Runs one test of a suite by itself, as `define` gives it to mocha; returns what it failed with. */
export const runOne = async (title: string, define: (mochaLike: MochaLike) => void): Promise<unknown> => {
  const tests = new Map<string, () => Promise<void>>();
  let cleanUp = async (): Promise<void> => {};
  const it = Object.assign((name: string, body: () => Promise<void>): unknown => tests.set(name, body), {
    skip: () => {},
  });
  define({
    describe: (_title, body) => body(),
    it,
    afterEach: (body) => {
      cleanUp = body;
    },
  });
  const test = tests.get(title);
  assert.ok(test, `the suite has no test '${title}'`);
  try {
    await test();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await cleanUp();
  }
};
