import type { MochaLike } from '../mocha-like.ts';
import { registerCases, type Skip } from '../test-case.ts';
import { addingCases } from './adding.ts';
import { createOutboxBench, type OutboxUnderTest } from './bench.ts';
import { relayingCases } from './relaying.ts';

export interface OutboxSuiteOptions<Tx> {
  /** Of the database and its client, for the report. */
  readonly name: string;
  /** An empty outbox in a database with at least ten connections. Called once for each test, which closes it. */
  readonly create: () => Promise<OutboxUnderTest<Tx>>;
  /** Tests that it rightly does not pass. Shown as skipped, with the reason. */
  readonly skip?: readonly Skip[];
  /** How long it may take until something is published. Default 10,000. */
  readonly patienceMs?: number;
}

/** What every outbox must pass, whatever client it is reached through. Registers one `describe`. */
export const outboxSuite = <Tx>(options: OutboxSuiteOptions<Tx>, mochaLike: MochaLike): void => {
  const { name, create, skip = [], patienceMs = 10_000 } = options;
  const bench = createOutboxBench({ create, patienceMs });
  const cases = [...addingCases<Tx>(), ...relayingCases<Tx>()];
  registerCases({ title: `${name} outbox`, cases, skip, bench, cleanUp: bench.cleanUp }, mochaLike);
};
