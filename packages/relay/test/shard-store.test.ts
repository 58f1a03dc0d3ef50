import assert from 'node:assert/strict';
import type { Database, Row } from '@holdfast/postgres';
import { theBeginning } from '../src/position.ts';
import { createFetchFirst } from '../src/shard-store.ts';

const head: Row = { page: null, place: null, id: '1:1:', key: 'up', headers: null, body: null };
const row = (seq: string, size: number, weighed: boolean): Row => {
  const withheld = !weighed && size > 10;
  return {
    ...{ page: null, place: `${seq} 0(0,1)`, id: seq, key: 'k', topic: 't', type: 't' },
    ...{ headers: withheld ? null : '{}', body: withheld ? null : 'x'.repeat(size) },
  };
};

/** A database whose statements are answered when the test wants; it tells which of them were to be weighed. */
const slowDatabase = () => {
  const asked: { readonly weighed: boolean; answer(sizes: readonly number[]): void }[] = [];
  const database: Database<never> = {
    schema: '"holdfast"',
    transaction: () => assert.fail('a fetch needs no transaction'),
    query: () => assert.fail('a fetch needs no transaction'),
    execute: (_text, values) =>
      new Promise((resolve) => {
        const weighed = values[2] === 'true';
        asked.push({
          weighed,
          answer: (sizes) => resolve([head, ...sizes.map((size, n) => row(`${n + 1}`, size, weighed))]),
        });
      }),
  };
  return { asked, database };
};

const page = { shard: '0', position: theBeginning, size: { rows: 100, bytes: 1_200 } };
const soon = () => new Promise((resolve) => setImmediate(resolve));

describe('the first pages of a fetch', () => {
  it('are asked for again, weighed, where a row was too large, and by count once there are none', async () => {
    const { asked, database } = slowDatabase();
    const fetch = createFetchFirst(database, 'outbox', '');
    const first = fetch([page]);
    asked[0]?.answer([1, 500]);
    await soon();
    asked[1]?.answer([1, 500]);
    assert.deepEqual(
      (await first)[0]?.rows.map(({ body }) => body.length),
      [1, 500],
    );
    const second = fetch([page]);
    asked[2]?.answer([1, 1]);
    await second;
    void fetch([page]);
    assert.deepEqual(
      asked.map(({ weighed }) => weighed),
      [false, true, true, false],
    );
  });

  for (const firstEnds of [false, true]) {
    it(`never lack the texts of a row, ${firstEnds ? 'after' : 'before'} one that overlapped has come again`, async () => {
      const { asked, database } = slowDatabase();
      const fetch = createFetchFirst(database, 'outbox', '');
      const [first, second] = [fetch([page]), fetch([page])];
      asked[0]?.answer([500]);
      await soon();
      if (firstEnds) {
        asked[2]?.answer([1]);
        await first;
      }
      asked[1]?.answer([500]);
      await soon();
      asked[2]?.answer([500]);
      asked[3]?.answer([500]);
      assert.equal((await second)[0]?.rows[0]?.body.length, 500);
      await first;
      assert.deepEqual(
        asked.map(({ weighed }) => weighed),
        [false, false, true, true],
      );
    });
  }
});
