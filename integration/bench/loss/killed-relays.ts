import { setTimeout as sleep } from 'node:timers/promises';
import { createOutbox } from '@holdfast/outbox';
import type { PoolClient } from 'pg';
import { type Child, checkHistory, createEntryTable, readEntryTables, spawnChild } from '../../harness/index.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { OrderPlaced, order } from '../world/contract.ts';
import { openWorld, type World } from '../world/world.ts';

const writers = 16;
const keys = 1_000;
const rowsPerTransaction = 5;
const relays = 2;

export const killedRelays: Benchmark = {
  row: 14,
  group: 'loss',
  ours: 'rows lost or out of order: 16 writers against two relays of which one is killed again and again, 200,000 rows',
  beside: '–',
  explains:
    'Relays are processes that are killed with SIGKILL every second or two while 16 writers write. What the sink gets is ' +
    'recorded in its own transactions and compared with what was committed: every row must have come, and the first copies ' +
    'of a key in the order of its commits. Copies are allowed: that is what at least once means.',
  measures: [{ name: 'rows lost or out of order', unit: '', compare: 'alone', bound: 'at most', gate: 0, goal: 0 }],
  rounds: [1, 1],
  open: async (scene) => {
    const world = await openWorld(scene.server, writers + 4);
    const rows = scene.size(200_000, 20_000);
    await createEntryTable(world.url);
    await world.pool.query('create sequence truth');
    return {
      round: async () => [{ ours: await violations(world, rows), beside: Number.NaN }],
      close: world.close,
    };
  },
};

const violations = async (world: World, rows: number): Promise<number> => {
  const running = new Set<Child>();
  const startRelay = async (): Promise<void> => {
    const child = spawnChild(new URL('../children/recording-relay.ts', import.meta.url), [world.url]);
    running.add(child);
    await child.saw({ ready: true });
  };
  await Promise.all(Array.from({ length: relays }, startRelay));
  let writing = true;
  const written = writeAll(world, rows).finally(() => {
    writing = false;
  });
  let kills = 0;
  while (writing) {
    await sleep(1_000 + Math.random() * 1_000);
    const [oldest] = running;
    if (oldest === undefined) continue;
    running.delete(oldest);
    await oldest.close();
    kills++;
    await startRelay();
  }
  await written;
  await drained(world);
  await Promise.all([...running].map((child) => child.close()));
  const found = await countViolations(world, rows);
  if (kills < 2) throw new Error(`only ${kills} relays were killed while rows were written; that proves nothing`);
  return found;
};

const insertPublications = `
  insert into harness_entries (p, f, type, id, key, seq)
  select 'writer', 'publish', 'ok', e.value ->> 0, e.value ->> 1, nextval('truth')
  from jsonb_array_elements($1::text::jsonb) with ordinality as e(value, place) order by e.place`;

const writeAll = async ({ pool, database }: World, rows: number): Promise<void> => {
  const outbox = createOutbox(database);
  let left = rows;
  const writeSome = async (tx: PoolClient): Promise<void> => {
    const entries = Array.from(
      { length: rowsPerTransaction },
      () => [OrderPlaced, order(Math.floor(Math.random() * keys))] as const,
    );
    const messages = await outbox.addMany(tx, entries);
    // The keys are locked: the order of these numbers is the order of the commits.
    await tx.query(insertPublications, [JSON.stringify(messages.map(({ id, key }) => [id, key]))]);
  };
  const write = async (): Promise<void> => {
    while (left > 0) {
      left -= rowsPerTransaction;
      await outbox.transaction(writeSome);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  await outbox.close();
  await pool.query('analyze harness_entries');
};

const drained = async ({ pool }: World): Promise<void> => {
  const deadline = performance.now() + 120_000;
  while (performance.now() < deadline) {
    const { rows } = await pool.query('select exists (select from holdfast.outbox) as pending');
    if (!rows[0].pending) return;
    await sleep(50);
  }
  console.error('rows are left in the outbox after two minutes');
};

/** By the same checker that the crash tests use. */
const countViolations = async ({ url }: World, rows: number): Promise<number> => {
  const history = await readEntryTables(url);
  const publications = new Map(history.filter(({ f }) => f === 'publish').map((entry) => [entry.id, entry]));
  if (publications.size !== rows) throw new Error(`${publications.size} rows were committed; expected ${rows}`);
  const numbered = history.map((entry) => {
    const { key, seq } = publications.get(entry.id) ?? {};
    return { ...entry, ...(key !== undefined && { key }), ...(seq !== undefined && { seq }) };
  });
  const found = checkHistory(numbered, { maxDuplicates: Number.POSITIVE_INFINITY });
  for (const violation of found.slice(0, 10)) console.error(violation);
  return found.length;
};
