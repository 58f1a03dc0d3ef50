import { setTimeout as sleep } from 'node:timers/promises';
import { createRelay, relayTable } from '@holdfast/relay';
import { addBacklog, outboxBytes } from '../world/backlog.ts';
import { countingSink } from '../world/counting-sink.ts';
import type { World } from '../world/world.ts';

/** What stays open in another session while the rows pass. */
export type Held = 'nothing' | 'a write transaction' | 'a snapshot';

export interface LongRunOptions {
  readonly rows: number;
  /** How many rows are timed at the start and at the end. */
  readonly timed: number;
  readonly held: Held;
}

export interface LongRun {
  /** Rows per second of the first and the last rows. */
  readonly first: number;
  readonly last: number;
  /** The disk that the outbox takes when all have passed, in bytes. */
  readonly bytes: number;
}

const warmUpRows = 20_000;
/** Writers are kept this far ahead, also when the last timed row passes, so that there is always something to fetch. */
const aheadRows = 10_000;
const rowsPerTurn = 2_000;

/** Passes rows through the outbox, added and relayed at the same time. */
export const runLong = async ({ pool, database }: World, { rows, timed, held }: LongRunOptions): Promise<LongRun> => {
  const passedAt: number[] = [];
  let passed = 0;
  const marks = [0, timed, rows - timed, rows].map((mark) => mark + warmUpRows);
  const sink = countingSink((count) => {
    passed += count;
    while (passedAt.length < marks.length && passed >= (marks[passedAt.length] ?? 0)) passedAt.push(performance.now());
  });
  const relay = createRelay({ database, table: relayTable('outbox') }, sink);
  const letGo = await hold(pool, held);
  await relay.start();
  const all = warmUpRows + rows + aheadRows;
  for (let added = 0; added < all; added += rowsPerTurn) {
    while (added - passed > aheadRows) await sleep(1);
    await addBacklog(pool, { rows: rowsPerTurn, keys: 1_000 });
    relay.wake();
  }
  while (passed < all) await sleep(5);
  // The ring turns when there is nothing left to do.
  await sleep(2_000);
  const bytes = await outboxBytes(pool);
  await letGo();
  await relay.close();
  const [from = 0, first = 0, before = 0, end = 0] = passedAt;
  return { first: (timed / (first - from)) * 1_000, last: (timed / (end - before)) * 1_000, bytes };
};

/** Opens what is held; the result lets go of it. */
const hold = async (pool: World['pool'], held: Held): Promise<() => Promise<void>> => {
  if (held === 'nothing') return async () => {};
  const client = await pool.connect();
  await client.query(held === 'a snapshot' ? 'begin isolation level repeatable read; select 1' : 'begin');
  if (held === 'a write transaction') {
    await client.query(
      `select holdfast.outbox_add('{"messages":[{"id":"held","type":"held","topic":"held","body":"{}"}]}')`,
    );
  }
  return async () => {
    await client.query('rollback');
    client.release();
  };
};
