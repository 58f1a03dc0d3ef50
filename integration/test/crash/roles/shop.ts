/** A shop as a process: writers whose orders are messages of the same transaction. Argument: {@link ShopRoleOptions}. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isHoldfastError, type Message } from '@holdfast/core';
import { createOutbox } from '@holdfast/outbox';
import { classify } from '@holdfast/postgres';
import type { PoolClient } from 'pg';
import { say } from '../../../harness/index.ts';
import { OrderPlaced } from '../contracts.ts';
import { seededRandom, wholeBetween } from '../seeded-random.ts';
import { openRole, type RoleOptions, sayClosed } from './role.ts';

export interface ShopRoleOptions extends RoleOptions {
  readonly writers: number;
  readonly customers: number;
  /** The most orders of a transaction. */
  readonly orders: number;
  /** The longest that a transaction is held open after its orders were added. */
  readonly holdMs: number;
  /** How long a writer rests between two transactions. */
  readonly pauseMs: number;
  /** The length of an order's note. */
  readonly noteLength: number;
  /** Stops by itself after about so many. */
  readonly most: number;
}

/** Drawn while the keys are locked: the order of these numbers is the order of a customer's commits. */
const insertPublications = `
  insert into harness_entries (p, f, type, id, key, seq)
  select $1, 'publish', 'ok', e.value ->> 'id', e.value ->> 'key', nextval('truth')
  from jsonb_array_elements($2::text::jsonb) with ordinality as e(value, place) order by e.place`;

const { options, pool, database, run } = openRole<ShopRoleOptions>(16);
const { name, seed, writers, customers, orders, holdMs, pauseMs, noteLength, most } = options;
const outbox = createOutbox(database);
const closing = new AbortController();
const note = 'x'.repeat(noteLength);
const facts = { committed: 0, rolledBack: 0, failed: 0, done: false, unknown: [] as string[] };

class RolledBack extends Error {}

const place = async (tx: PoolClient, random: () => number): Promise<readonly Message[]> => {
  // A transaction that has written before has an older xid than the numbers that it draws.
  if (random() < 0.3) {
    await tx.query('select pg_current_xact_id()');
    await sleep(random() * holdMs);
  }
  const entries = Array.from({ length: wholeBetween(random, 1, orders) }, () => {
    const customer = `customer ${wholeBetween(random, 1, customers)}`;
    return [OrderPlaced, { customer, note }] as const;
  });
  const messages = await outbox.addMany(tx, entries);
  await tx.query(insertPublications, [name, JSON.stringify(messages.map(({ id, key }) => ({ id, key })))]);
  await sleep(random() ** 3 * holdMs);
  if (random() < 0.05) throw new RolledBack();
  return messages;
};

/** Nothing is tried again: what became of a lost COMMIT is in the database, beside the message. */
const placeOrders = async (random: () => number): Promise<void> => {
  let placed: readonly Message[] = [];
  try {
    await outbox.transaction(async (tx) => {
      placed = await place(tx, random);
    });
    facts.committed += placed.length;
  } catch (error) {
    if (error instanceof RolledBack) facts.rolledBack++;
    else if (isHoldfastError(error, 'unknown_outcome')) facts.unknown.push(...placed.map(({ id }) => id));
    else if (classify(error) === 'fatal') throw error;
    else facts.failed++;
  }
};

const write = async (random: () => number): Promise<void> => {
  while (!closing.signal.aborted && facts.committed < most) {
    await placeOrders(random);
    await sleep(random() * 2 * pauseMs);
  }
};

const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(seededRandom(seed + writer)))).then(
  () => {
    facts.done = true;
    say(facts);
  },
);
await run();
closing.abort();
await writing;
await outbox.close();
await pool.end();
sayClosed({ ...facts });
