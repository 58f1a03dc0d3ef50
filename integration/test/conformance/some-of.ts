import type { MochaLike } from '@holdfast/conformance';

/** Mocha, as far as the tests are concerned whose names are in `titles`: for running some of a suite in another setting. */
export const someOf = (titles: readonly string[]): MochaLike => ({
  describe,
  it: Object.assign((title: string, body: () => Promise<void>): unknown => titles.includes(title) && it(title, body), {
    skip: () => {},
  }),
  afterEach,
});
