import assert from 'node:assert/strict';
import { type Consumer, createConsumer } from '@holdfast/consumer';
import { createPublisher, silentLog, type Transport } from '@holdfast/core';
import { createDeadLetters, deadLetterSchema } from '@holdfast/dead-letter';
import { constant } from '@holdfast/policies';
import { memoryTransport } from '@holdfast/transport-memory';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { OrderPlaced } from '../consumer/contracts.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';

describe('a dead letter that had killed its process', () => {
  let db: TestDatabase;
  let transport: Transport;
  let ran: string[];
  /** The first message of the key fails, so that the key is parked when the suspect comes. */
  let firstFails: boolean;
  beforeEach(async () => {
    db = await openDatabase({ modules: [deadLetterSchema] });
    transport = memoryTransport({ topics: { orders: { partitions: 1 } }, runtime: { log: silentLog } });
    ran = [];
  });
  afterEach(async () => {
    await transport.close();
    await db.close();
  });

  const open = async (): Promise<Consumer<pg.PoolClient>> => {
    const consumer = createConsumer({
      ...{ transport, group: 'billing', from: 'earliest', database: db.database, holdMs: 20 },
      retry: { attempts: 5, backoff: constant({ delayMs: 100 }) },
      runtime: { log: silentLog },
    });
    consumer.on(OrderPlaced, async (_, { message: { id } }) => {
      if (id === 'ada-1' && firstFails) throw new Error('down');
      ran.push(id);
    });
    await consumer.start();
    return consumer;
  };
  /** What three processes have left that died while it ran alone. */
  const suspect = (id: string): Promise<unknown> =>
    db.pool.query(`with owner as (
        insert into holdfast.inbox_owners ("group", source, partition, epoch, held, deaths)
        values ('billing', 'orders', 0, 1, true, 4)
      ) insert into holdfast.inbox_starts ("group", source, partition, id, alone, deaths)
      values ('billing', 'orders', 0, '${id}', false, 3)`);
  const letters = () =>
    createDeadLetters({ database: db.database, group: 'billing', by: 'test', runtime: { log: silentLog } });

  for (const [how, fails] of [
    ['live', false],
    ['from its parked key', true],
  ] as const)
    for (const by of ['the same process', 'another one'])
      it(`P8: runs when it is redriven, having come ${how}, in ${by}`, async () => {
        firstFails = fails;
        await suspect('ada-2');
        let consumer = await open();
        const publisher = createPublisher(transport);
        await publisher.publish(OrderPlaced, { customer: 'ada', no: 1 }, { id: 'ada-1' });
        if (fails)
          await eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox_parked'), 1));
        for (const no of [2, 3]) await publisher.publish(OrderPlaced, { customer: 'ada', no }, { id: `ada-${no}` });
        if (fails)
          await eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox_parked'), 3));
        firstFails = false;
        await eventually(async () => assert.match((await letters().list())[0]?.reason ?? '', /^crash_suspect/));
        if (by === 'another one') {
          // As a crash leaves it: nothing is handed back in order.
          await db.pool.query('create table kept as select * from holdfast.inbox_starts');
          await consumer.close();
          await db.pool.query(`insert into holdfast.inbox_starts select * from kept;
            update holdfast.inbox_owners set held = true, deaths = 4`);
          consumer = await open();
        }
        await letters().redrive({ all: true });
        await eventually(() => assert.deepEqual(ran, ['ada-1', 'ada-2', 'ada-3']));
        await consumer.close();
      });
});
