import assert from 'node:assert/strict';
import type { Message } from '@holdfast/core';
import { createSequences, type Sequences } from '@holdfast/inbox';
import pg from 'pg';
import { openDatabase, type TestDatabase } from './open-database.ts';

/** So many keys with three messages each are parked beside those that are looked at. */
const others = 1_000;
const source = 'orders';

describe('the store of parked keys', () => {
  let db: TestDatabase;
  let client: pg.Client;
  let names: Map<string, string>;
  beforeEach(async () => {
    db = await openDatabase();
    client = new pg.Client(db.url);
    await client.connect();
    await client.query('set plan_cache_mode = force_generic_plan');
    names = new Map();
    // As it is between two looks of the autovacuum: nothing is known of the tables.
    for (const table of ['inbox_parked', 'inbox_sequences']) {
      await client.query(`alter table holdfast.${table} set (autovacuum_enabled = false)`);
    }
  });
  afterEach(async () => {
    await client.end();
    await db.close();
  });

  const message = (lane: string, no: number): Message => ({
    ...{ id: `${lane}/${no}`, type: 'order.placed', key: lane, headers: {} },
    body: Buffer.from(JSON.stringify({ note: 'x'.repeat(200) })),
  });
  const park = async (sequences: Sequences, lane: string, numbers: readonly number[]): Promise<void> => {
    const { claim } = owned;
    for (const no of numbers) {
      const parking = no === 1 ? ({ kind: 'park', delayMs: 0 } as const) : ({ kind: 'append' } as const);
      const parkable = {
        lane,
        message: message(lane, no),
        topic: source,
        position: `${no}`,
        attempts: 0,
        failures: [],
      };
      await sequences.park(claim, parkable, parking);
    }
  };
  let owned: Awaited<ReturnType<Sequences['own']>>;

  /** A statement whose plan is the one that was made when it was first run. */
  const prepared = async (text: string): Promise<string> => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = `statement_${names.size}`;
    names.set(text, name);
    await client.query(`prepare ${name} as ${text}`);
    return name;
  };

  /** Pages that the statements of `run` read, on one connection. */
  const pagesOf = async (run: (sequences: Sequences) => Promise<unknown>): Promise<number> => {
    let pages = 0;
    const database = {
      ...db.database,
      execute: async (text: string, values: readonly string[]) => {
        // For how much room there is it counts, once for many messages.
        if (text.includes('count(*)')) return [{ parked: '0' }];
        const given = values.map((value) => client.escapeLiteral(value)).join(', ');
        const { rows } = await client.query(
          `explain (analyze, buffers, format json) execute ${await prepared(text)} (${given})`,
        );
        const plan = rows[0]['QUERY PLAN'][0].Plan;
        pages += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
        return [];
      },
    };
    await run(createSequences({ database, group: 'billing', capacity: 1_000_000 }));
    return pages;
  };

  it('P5: reads no more for a key however many others are parked, before anything is known of how many', async () => {
    const sequences = createSequences({ database: db.database, group: 'billing', capacity: 1_000_000 });
    owned = await sequences.own(source, 0);
    const busy = { claims: [owned.claim], busy: [], lanes: 1, perLane: 10 };
    const steps = {
      park: (measured: Sequences) => park(measured, 'ada', [1]),
      append: (measured: Sequences) => park(measured, 'ada', [2]),
      due: (measured: Sequences) => measured.due(busy),
      fail: (measured: Sequences) => {
        const failed = { lane: 'ada', seq: '1', id: 'ada/1', attempts: 1, failures: [] };
        return measured.failed(owned.claim, failed, { kind: 'again', delayMs: 1_000 });
      },
      rest: (measured: Sequences) => measured.rest(owned.claim, 'ada', []),
    };
    const measure = async (): Promise<Record<string, number>> => {
      const pages: Record<string, number> = {};
      for (const [name, step] of Object.entries(steps)) pages[name] = await pagesOf(step);
      return pages;
    };
    await measure();
    await measure();
    const alone = await measure();
    await Promise.all(
      Array.from({ length: others }, (_, at) => park(sequences, `other ${String(at).padStart(4, '0')}`, [1, 2, 3])),
    );
    assert.equal(await db.count('select count(*) from holdfast.inbox_parked'), 3 * others + 2);
    // Of the keys that are due this one comes first, and in the table last.
    const hasWaited = "update holdfast.inbox_sequences set due_at = due_at - interval '1 hour' where lane = $1";
    await client.query(hasWaited, [`other 0${others - 1}`]);
    const among = await measure();
    for (const [name, pages] of Object.entries(among)) {
      // Indexes have become a level deeper, and what is due has three messages.
      assert.ok(pages < 2 * (alone[name] ?? 0) + 30, `${name}: ${pages} pages, ${alone[name]} before`);
    }
  });
});
