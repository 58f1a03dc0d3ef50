import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineMessage } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { createRelay, relayTable } from '@holdfast/relay';
import type { PoolClient } from 'pg';
import { z } from 'zod';
import { eventually } from '../../harness/index.ts';
import { controlledSink, ok } from './controlled-sink.ts';
import { openOutboxWorld } from './outbox-world.ts';

const Document = defineMessage('document', {
  version: 1,
  topic: 'documents',
  schema: z.object({ key: z.string(), text: z.string() }),
  key: ({ key }) => key,
});

const mib = 1_024 * 1_024;
const rowCount = 300;
const rowBytes = 256 * 1_024;

/** Counts the characters of the bodies that fetches give back. */
const countingFetches = (database: Database<PoolClient>) => {
  const fetched = { characters: 0 };
  const counting: Database<PoolClient> = {
    ...database,
    execute: async (text, values, options) => {
      const rows = await database.execute(text, values, options);
      if (text.includes('outbox_fetch')) for (const { body } of rows) fetched.characters += body?.length ?? 0;
      return rows;
    },
  };
  return { fetched, counting };
};

describe('large rows', () => {
  it('P5: are read within maxBytes of a shard, whatever maxInFlight is, all of them and in order', async () => {
    const world = await openOutboxWorld();
    await world.pool.query('update holdfast.outbox_control set shards = 1');
    for (let n = 0; n < rowCount; n += 50) {
      const some = Array.from({ length: 50 }, (_, at) => {
        const document = { key: `k${(n + at) % 7}`, text: 'x'.repeat(rowBytes) };
        return [Document, document, { id: `${n + at}` }] as const;
      });
      await world.outbox.transaction((tx) => world.outbox.addMany(tx, some));
    }
    const { fetched, counting } = countingFetches(world.database);
    const sink = controlledSink({ failsSuffix: true });
    const gate = Promise.withResolvers<void>();
    sink.answer = async () => {
      await gate.promise;
      return ok;
    };
    const relay = createRelay({ database: counting, table: relayTable('outbox') }, sink, { maxBytes: 4 * mib });
    try {
      await relay.start();
      await eventually(() => assert.ok(fetched.characters >= 3 * mib));
      await sleep(100);
      // Each of four pages ends with a row that may be larger than what was left of it.
      assert.ok(fetched.characters <= 4 * mib + 4 * rowBytes, `${fetched.characters} characters were read`);
      gate.resolve();
      await eventually(async () => assert.equal((await relay.stats()).pending, 0), { timeoutMs: 10_000 });
      for (let key = 0; key < 7; key++) {
        const ids = sink.ids.map(Number).filter((id) => id % 7 === key);
        assert.deepEqual(
          ids,
          ids.toSorted((a, b) => a - b),
        );
      }
      assert.equal(sink.ids.length, rowCount);
    } finally {
      gate.resolve();
      await relay.close();
      await world.close();
    }
  });

  it('P5: among small ones are read within maxBytes too, none twice or out of order, and small ones alone in full pages again', async () => {
    const world = await openOutboxWorld();
    await world.pool.query('update holdfast.outbox_control set shards = 1');
    const isLarge = (n: number): boolean => n < 2_000 && (n === 0 || n % 97 === 5);
    const add = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 500) {
        const some = Array.from({ length: 500 }, (_, at) => {
          const text = 'x'.repeat(isLarge(n + at) ? rowBytes : 10);
          return [Document, { key: `k${(n + at) % 7}`, text }, { id: `${n + at}` }] as const;
        });
        await world.outbox.transaction((tx) => world.outbox.addMany(tx, some));
      }
    };
    const pages: { rows: number; characters: number }[] = [];
    const watching: Database<PoolClient> = {
      ...world.database,
      execute: async (text, values, options) => {
        const rows = await world.database.execute(text, values, options);
        const characters = rows.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
        if (text.includes('outbox_fetch')) pages.push({ rows: rows.length - 1, characters });
        return rows;
      },
    };
    const sink = controlledSink({ failsSuffix: true });
    sink.answer = async () => ok;
    const relay = createRelay({ database: watching, table: relayTable('outbox') }, sink, { maxBytes: 4 * mib });
    try {
      await add(0, 4_000);
      assert.equal((await relay.runOnce()).handedOver, 4_000);
      assert.ok(Math.max(...pages.map(({ characters }) => characters)) <= mib + rowBytes);
      await add(4_000, 8_000);
      pages.length = 0;
      assert.equal((await relay.runOnce()).handedOver, 4_000);
      assert.ok(pages.filter(({ rows }) => rows === 1_000).length >= 3, JSON.stringify(pages));
      for (let key = 0; key < 7; key++) {
        const ids = sink.ids.map(Number).filter((id) => id % 7 === key);
        const expected = Array.from({ length: 8_000 }, (_, n) => n).filter((n) => n % 7 === key);
        assert.deepEqual(ids, expected);
      }
    } finally {
      await relay.close();
      await world.close();
    }
  });
});
