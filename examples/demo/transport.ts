import { postgresTransport } from '@holdfast/transport-postgres';
import type { Database, Transport } from 'holdfast';

/** How long a killed process keeps its partitions and shards before another takes them. */
export const leaseMs = 2_000;

export const openTransport = <Tx>(database: Database<Tx>): Transport =>
  postgresTransport({ database, topics: { orders: { partitions: 8 }, bills: { partitions: 8 } }, leaseMs });
