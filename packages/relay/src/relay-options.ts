import { type Runtime, requireWhole } from '@holdfast/core';
import { type Backoff, exponential } from '@holdfast/policies';

export interface RelayOptions {
  /** The number of shards, taken before the first row was added; afterwards only checked. Default: what is stored, at first 4. */
  readonly shards?: number | undefined;
  /** How long a silent owner keeps its shards, in milliseconds. Default 10,000. */
  readonly leaseMs?: number | undefined;
  /** How many rows one hand-over has at most. Default 500. */
  readonly batchSize?: number | undefined;
  /**
   * How many rows of a shard may be handed over and not confirmed. Default 1,000. Up to three times as many are in memory;
   * where a third of those wait for a delay, further keys that wait are let go and read again when they go on.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * How many bytes of headers and bodies of a shard may be in memory. Default 8 MiB. A row is read whole whatever its
   * size, so there may be up to four larger ones beyond.
   */
  readonly maxBytes?: number | undefined;
  /**
   * After so many failed hand-overs a row is parked. A failure counts only where it speaks against the row: not where
   * the outcome is unknown, and not while no other row of its topic gets through. Default 10.
   */
  readonly attempts?: number | undefined;
  /** How long a key waits after a failure. Default: exponential from 100 ms to 30 s. */
  readonly backoff?: Backoff | undefined;
  /** A row that was running alone at so many deaths of its process is parked. Default 3. */
  readonly suspectDeaths?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** The options that shape a session, with their defaults. */
export interface RelaySettings {
  readonly leaseMs: number | undefined;
  readonly batchSize: number;
  readonly maxInFlight: number;
  readonly maxBytes: number;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly suspectDeaths: number;
}

export const readOptions = (options: RelayOptions): RelaySettings => {
  const { leaseMs, shards, batchSize = 500, maxInFlight = 1_000, attempts = 10, suspectDeaths = 3 } = options;
  const { maxBytes = 8 * 1_024 * 1_024 } = options;
  const { backoff = exponential({ baseMs: 100, maxMs: 30_000 }) } = options;
  const numbers = {
    batchSize,
    maxInFlight,
    maxBytes,
    attempts,
    suspectDeaths,
    ...(shards !== undefined && { shards }),
  };
  for (const [option, value] of Object.entries(numbers)) {
    requireWhole(option, value, 1, option === 'shards' ? maxShards : undefined);
  }
  return { leaseMs, batchSize, maxInFlight, maxBytes, attempts, backoff, suspectDeaths };
};

/** As the table has it: each is a lease, and a fetch. */
const maxShards = 1_024;
