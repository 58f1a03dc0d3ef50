import type { IdempotencyStore } from '@holdfast/idempotency';
import type { MochaLike } from '../mocha-like.ts';
import { registerCases, type Skip } from '../test-case.ts';
import { createIdempotencyBench } from './bench.ts';
import { claimingCases } from './claiming.ts';
import { modelCases } from './model.ts';
import { racingCases } from './racing.ts';
import { settlingCases } from './settling.ts';

export interface IdempotencySuiteOptions {
  /** Of the store, for the report. */
  readonly name: string;
  /** A handle of the store under test. All that it gives during a run see the same keys, and belong to the caller. */
  readonly create: () => Promise<IdempotencyStore> | IdempotencyStore;
  /** Tests that it rightly does not pass. Shown as skipped, with the reason. */
  readonly skip?: readonly Skip[];
  /** How long it may take until something is visible. Default 10,000. */
  readonly patienceMs?: number;
}

/** What every idempotency store must pass. Registers one `describe`. */
export const idempotencySuite = (options: IdempotencySuiteOptions, mochaLike: MochaLike): void => {
  const { name, create, skip = [], patienceMs = 10_000 } = options;
  const bench = createIdempotencyBench(create, patienceMs);
  const cases = [...claimingCases, ...settlingCases, ...racingCases, ...modelCases];
  registerCases({ title: `${name} idempotency store`, cases, skip, bench, cleanUp: bench.cleanUp }, mochaLike);
};
