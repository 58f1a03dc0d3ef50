import type { Capabilities, Runtime, Transport } from '@holdfast/core';
import type { MochaLike } from '../mocha-like.ts';
import { registerCases, type Skip, type TestCase } from '../test-case.ts';
import { abilities } from './abilities.ts';
import { assignments } from './assignments.ts';
import { createTransportBench, type TransportBench } from './bench.ts';
import { bounds } from './bounds.ts';
import { closing } from './closing.ts';
import { closingTransports } from './closing-transports.ts';
import { failures } from './failures.ts';
import { groups } from './groups.ts';
import { health } from './health.ts';
import { order } from './order.ts';
import { pausing } from './pausing.ts';
import { publishing } from './publishing.ts';
import { rebalancing } from './rebalancing.ts';
import { redelivery } from './redelivery.ts';
import { retries } from './retries.ts';
import { topology } from './topology.ts';

export interface TransportSuiteOptions {
  /** Of the adapter, for the report. */
  readonly name: string;
  /**
   * A transport onto the broker under test. Called several times in a test: all see the same topics and groups. The suite
   * closes each. It must use the runtime: the suite reads what the adapter logs and counts.
   */
  readonly create: (runtime: Runtime) => Promise<Transport> | Transport;
  /** What the adapter declares; the suite checks that it is so, and leaves out what means nothing for it. */
  readonly capabilities: Capabilities;
  /** Tests that this adapter rightly does not pass. Shown as skipped, with the reason. */
  readonly skip?: readonly Skip[];
  /** How long the adapter may take until something is visible, takeovers included. Default 10,000. */
  readonly patienceMs?: number;
}

/** Every test of the transport suite, in the order in which it runs. */
export const transportCases: readonly TestCase<TransportBench>[] = [
  ...publishing,
  ...groups,
  ...redelivery,
  ...order,
  ...retries,
  ...rebalancing,
  ...assignments,
  ...bounds,
  ...pausing,
  ...closing,
  ...closingTransports,
  ...failures,
  ...health,
  ...topology,
  ...abilities,
];

/**
 * What every transport must pass. Each test is named by the promise it checks (P1 to P9 in ARCHITECTURE.md).
 * Registers one `describe`; leaves nothing open behind, whether tests pass or fail.
 */
export const transportSuite = (options: TransportSuiteOptions, mochaLike: MochaLike): void => {
  const { name, create, capabilities, skip = [], patienceMs = 10_000 } = options;
  const bench = createTransportBench({ create, capabilities, patienceMs });
  registerCases({ title: `${name} transport`, cases: transportCases, skip, bench, cleanUp: bench.cleanUp }, mochaLike);
};
