import { setTimeout as pause } from 'node:timers/promises';
import { memoryTransport } from '@holdfast/transport-memory';
import { createOutboxRelay } from 'holdfast';
import type { openDatabase } from './database.ts';
import { type Reading, tableLine } from './live-table.ts';
import type { Processes } from './processes.ts';

export interface Readings {
  /** Shown on the next line. */
  killed(name: string): void;
  stop(): Promise<void>;
}

/** Prints a line of the live table every second. */
export const showReadings = (
  { pool, database }: ReturnType<typeof openDatabase>,
  processes: Processes,
  print: (line: string) => void,
): Readings => {
  const ending = new AbortController();
  const startedAt = performance.now();
  const relay = createOutboxRelay({ database, transport: memoryTransport() });
  let killed: string[] = [];

  const read = async (): Promise<Reading> => {
    const { rows } = await pool.query<{ placed: number; effects: number }>(
      `select (select count(*) from orders)::int as placed,
              ((select count(*) from charges) + (select count(*) from shipments))::int as effects`,
    );
    const { pending, lagMs } = await relay.stats();
    return {
      seconds: (performance.now() - startedAt) / 1_000,
      placed: rows[0]?.placed ?? 0,
      effects: rows[0]?.effects ?? 0,
      ...processes.counts,
      pending,
      oldestMs: lagMs,
      killed: killed.join(', '),
    };
  };
  const loop = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await pause(1_000, undefined, { signal: ending.signal }).catch(() => {});
      print(tableLine(await read()));
      killed = [];
    }
  };
  const looping = loop();
  return {
    killed: (name) => void killed.push(name),
    stop: async () => {
      ending.abort();
      await looping;
      await relay.close();
    },
  };
};
