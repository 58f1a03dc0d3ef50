import type { MochaLike } from '../mocha-like.ts';
import { registerCases, type Skip } from '../test-case.ts';
import { createInboxBench, type InboxUnderTest } from './bench.ts';
import { onceCases } from './once.ts';
import { storeFirstCases } from './store-first.ts';

export interface InboxSuiteOptions<Tx> {
  /** Of the database and its client, for the report. */
  readonly name: string;
  /** The inbox under test. The database has its tables, belongs to the caller, and needs at least five connections. */
  readonly create: () => Promise<InboxUnderTest<Tx>> | InboxUnderTest<Tx>;
  /** Tests that it rightly does not pass. Shown as skipped, with the reason. */
  readonly skip?: readonly Skip[];
  /** How long it may take until something is visible. Default 10,000. */
  readonly patienceMs?: number;
}

/** What every inbox must pass, whatever client it is reached through. Registers one `describe`. */
export const inboxSuite = <Tx>(options: InboxSuiteOptions<Tx>, mochaLike: MochaLike): void => {
  const { name, create, skip = [], patienceMs = 10_000 } = options;
  const bench = createInboxBench({ create, patienceMs });
  const cases = [...onceCases<Tx>(), ...storeFirstCases<Tx>()];
  registerCases({ title: `${name} inbox`, cases, skip, bench, cleanUp: bench.cleanUp }, mochaLike);
};
