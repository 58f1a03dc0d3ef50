import assert from 'node:assert/strict';
import { createPublisher, silentLog, type Transport } from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { postgresTransport, postgresTransportSchema } from '@holdfast/transport-postgres';
import { type Child, eventually, spawnChild } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';

const module = new URL('children/store-first.ts', import.meta.url);

describe('consumers with store-first that are killed again and again', () => {
  const children: Child[] = [];
  let db: TestDatabase;
  let transport: Transport;
  before(async () => {
    db = await openDatabase({ modules: [inboxSchema, postgresTransportSchema] });
    transport = postgresTransport({ database: db.database, leaseMs: 1_000, runtime: { log: silentLog } });
  });
  after(async () => {
    await Promise.all(children.map((child) => child.close()));
    await transport.close();
    await db.close();
  });

  it('P2, P3, P4: lose nothing, do nothing twice, and keep the order of each key, also where two own a shard at once', async () => {
    const start = (): Child => spawnChild(module, [db.url]);
    const effects = () => db.count('select count(*) from effects');
    children.push(start(), start());
    await Promise.all(children.map((child) => child.saw({ started: true })));

    const publisher = createPublisher(transport);
    let placed = 0;
    const place = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at++, placed++) {
        const [customer, no] = [`c-${placed % 15}`, Math.floor(placed / 15)];
        await publisher.publish(OrderPlaced, { customer, no }, { id: `${customer}-${no}` });
      }
    };
    for (let kill = 0; kill < 3; kill++) {
      const before = await effects();
      await place(60);
      await eventually(async () => assert.ok((await effects()) > before + 10));
      await children[kill % 2]?.close();
      // The shards of the dead are free at once, and those of the living are taken from it without its knowing.
      await db.pool.query(
        "update holdfast.leases set expires_at = '-infinity' where scope like 'relay inbox_messages%'",
      );
      children[kill % 2] = start();
    }
    await eventually(async () => assert.equal(await db.count('select count(distinct id) from effects'), placed), {
      timeoutMs: 30_000,
    });
    await eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox_messages'), 0));
    await Promise.all(children.map((child) => child.close()));

    assert.equal(await effects(), placed, 'every message has one effect');
    const { rows } = await db.pool.query<{ key: string; ids: string[] }>(
      'select key, array_agg(id order by no) as ids from effects group by key',
    );
    for (const { key, ids } of rows) {
      assert.deepEqual(
        ids,
        ids.map((_, no) => `${key}-${no}`),
        'in the order of its key',
      );
    }
    assert.equal(await db.count('select count(*) from holdfast.inbox_messages_parked'), 0);
  }).timeout(90_000);
});
