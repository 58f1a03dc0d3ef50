/** What a suite needs of a test framework: mocha's own globals, or those of vitest or `node:test`. */
export interface MochaLike {
  readonly describe: (title: string, body: () => void) => void;
  readonly it: TestFunction & { readonly skip: TestFunction };
  readonly afterEach: (body: () => Promise<void>) => void;
}

/** Registers a test. */
export type TestFunction = (title: string, body: () => Promise<void>) => unknown;
