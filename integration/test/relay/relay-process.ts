/** A relay as a process of its own, which records what it hands over as effects. Arguments: see {@link RelayProcessOptions}. */

import { pgDatabase } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import { Pool } from 'pg';
import { say } from '../../harness/index.ts';
import { recordingSink } from './recording-sink.ts';

export interface RelayProcessOptions {
  readonly url: string;
  readonly name: string;
  readonly leaseMs: number;
  readonly failsSuffix: boolean;
  /** The longest that a hand-over takes. */
  readonly latencyMs: number;
}

const options: RelayProcessOptions = JSON.parse(process.argv[2] ?? '{}');
const pool = new Pool({ connectionString: options.url, max: 10 });
const relay = createRelay({ database: pgDatabase(pool), table: relayTable('outbox') }, recordingSink(options), {
  leaseMs: options.leaseMs,
  batchSize: 50,
  maxInFlight: 100,
});
await relay.start();
say({ ready: true });
