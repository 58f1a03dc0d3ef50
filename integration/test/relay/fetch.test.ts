import assert from 'node:assert/strict';
import type { PoolClient } from 'pg';
import { NumberedMessage } from './contracts.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';

/** What the SQL function gives back for one page, from any shard's beginning. */
interface FetchedPage {
  readonly snapshot: string | undefined;
  readonly ids: readonly string[];
  readonly last: string;
}

for (const weighed of [false, true]) {
  describe(`the fetch of a relay table, ${weighed ? 'its pages weighed' : 'by count'}`, () => {
    let world: OutboxWorld;

    beforeEach(async () => {
      world = await openOutboxWorld();
      await world.pool.query('update holdfast.outbox_control set shards = 1');
    });
    afterEach(() => world.close());

    const fetch = async (
      {
        after = '0',
        seen,
        snapshot,
        late = [],
      }: {
        after?: string;
        seen?: string | undefined;
        snapshot?: string | undefined;
        late?: readonly (readonly [xid: string, floor: string])[];
      } = {},
      size = 100,
    ): Promise<FetchedPage> => {
      const { rows } = await world.pool.query(`select * from holdfast.outbox_fetch('', $1, ${weighed})`, [
        JSON.stringify([
          {
            ...{ shard: 0, after, seen, snapshot, rows: size, bytes: 1e9 },
            lateXids: `{${late.map(([xid]) => xid)}}`,
            lateFloors: `{${late.map(([, floor]) => floor)}}`,
          },
        ]),
      ]);
      const first = rows.shift();
      return { snapshot: first?.id, ids: rows.map(({ id }) => id), last: rows.at(-1)?.place.split(' ')[0] ?? after };
    };
    const add = async (tx: PoolClient, ...ids: string[]): Promise<void> => {
      for (const id of ids) await world.outbox.add(tx, NumberedMessage, { key: id, n: 0 }, { id });
    };
    const addNow = (...ids: string[]): Promise<void> => world.outbox.transaction((tx) => add(tx, ...ids));

    it('shows the very first row', async () => {
      await addNow('a');
      assert.deepEqual((await fetch()).ids, ['a']);
    });

    it('T4 (PG26): shows one snapshot on all its pages, whatever commits between them', async () => {
      await addNow('a', 'b');
      const late = await world.begin();
      await add(late, 'late');
      await addNow('c', 'd');
      const first = await fetch({}, 2);
      assert.deepEqual(first.ids, ['a', 'b']);
      await world.commit(late);
      await addNow('e');
      const second = await fetch({ after: first.last, snapshot: first.snapshot });
      assert.deepEqual(second.ids, ['c', 'd']);
      const third = await fetch({ seen: first.snapshot });
      assert.deepEqual(third.ids, ['late', 'e']);
    });

    it('reads from further back exactly when a transaction that was running has ended', async () => {
      const late = await world.begin();
      await add(late, 'late');
      await addNow('a');
      const { snapshot, last } = await fetch();
      const [, , running = ''] = snapshot?.split(':') ?? [];
      const from = { after: last, seen: snapshot, late: [[running, '0']] as const };
      assert.deepEqual((await fetch(from)).ids, []);
      await world.commit(late);
      assert.deepEqual((await fetch(from)).ids, ['late']);
    });

    it('T4: is sorted whatever the planner would like, on shuffled pages', async () => {
      const ids = Array.from({ length: 300 }, (_, n) => `${n}`);
      await addNow(...ids);
      await world.pool.query(`
      with gone as (delete from holdfast.outbox returning *)
      insert into holdfast.outbox select * from gone order by md5(id)`);
      const session = await world.session();
      for (const setting of ['enable_indexscan', 'enable_indexonlyscan', 'enable_nestloop', 'enable_sort']) {
        await session.query(`set ${setting} = off`);
        const { rows } = await session.query(`select id from ${fetchFrom('0', 1000, weighed)} where place is not null`);
        assert.deepEqual(
          rows.map(({ id }) => id),
          ids,
          `with ${setting} off`,
        );
      }
    });

    it('reads nothing of what was deleted behind its floor', async () => {
      const snapshot = await world.session();
      await snapshot.query('begin isolation level repeatable read; select count(*) from holdfast.outbox');
      await world.pool.query(`
      select holdfast.outbox_add(jsonb_build_object('messages', (
        select jsonb_agg(jsonb_build_object('id', n::text, 'type', 't', 'topic', 't', 'body', '{}'))
        from generate_series(1, 20000) n)))`);
      const before = await fetch({}, 20_000);
      await world.pool.query('delete from holdfast.outbox');
      await addNow('new');
      const buffers = async (after: string): Promise<number> => {
        const session = await world.session();
        const text = `explain (analyze, buffers, format json) select * from ${fetchFrom(after, 500, weighed)}`;
        await session.query(text);
        const { rows } = await session.query(text);
        return rows[0]['QUERY PLAN'][0].Plan['Shared Hit Blocks'];
      };
      const [fromTheStart, fromTheFloor] = [await buffers('0'), await buffers(before.last)];
      assert.ok(fromTheFloor < 60 && fromTheStart > 5 * fromTheFloor, `${fromTheFloor} and ${fromTheStart} blocks`);
    });
  });
}

describe('the fetch of large rows', () => {
  it('P5: by count leaves out the texts of rows with more bytes than their share; weighed ends with the row that fills the page', async () => {
    const world = await openOutboxWorld();
    try {
      await world.pool.query('update holdfast.outbox_control set shards = 1');
      // With headers of two bytes, `{}`; an é has two as well.
      const bodies = ['x'.repeat(98), 'é'.repeat(49), `${'é'.repeat(49)}x`, 'x'.repeat(4_800), 'x', 'x'];
      const messages = bodies.map((body, n) => ({ id: `${n}`, type: 't', topic: 't', body }));
      await world.pool.query('select holdfast.outbox_add($1)', [{ messages }]);
      const read = async (weighed: boolean) => {
        const { rows } = await world.pool.query(
          `select headers, body, place from holdfast.outbox_fetch('', $1, $2) where place is not null`,
          ['[{"shard":0,"after":0,"lateXids":"{}","lateFloors":"{}","rows":50,"bytes":5000}]', weighed],
        );
        return rows;
      };
      const byCount = await read(false);
      assert.deepEqual(
        byCount.map(({ body }) => body),
        bodies.with(2, null as never).with(3, null as never),
      );
      assert.deepEqual(
        byCount.map(({ headers }) => headers),
        ['{}', '{}', null, null, '{}', '{}'],
      );
      const weighed = await read(true);
      assert.deepEqual(
        weighed.map(({ body }) => body),
        bodies.slice(0, 4),
      );
      assert.deepEqual(
        weighed.map(({ place }) => place.endsWith(' full')),
        [false, false, false, true],
      );
    } finally {
      await world.close();
    }
  });
});

const fetchFrom = (after: string, rows: number, weighed: boolean): string =>
  `holdfast.outbox_fetch('', '[{ "shard": 0, "after": ${after}, "lateXids": "{}", "lateFloors": "{}", "rows": ${rows}, "bytes": 1000000 }]', ${weighed})`;
