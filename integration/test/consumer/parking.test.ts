import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import { createPublisher, type Message, silentLog, type Transport } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { createMemoryBroker, type MemoryBroker, memoryTransport } from '@holdfast/transport-memory';
import type pg from 'pg';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';

describe('a consumer that parks', () => {
  let db: TestDatabase;
  let broker: MemoryBroker;
  let transports: Transport[];
  const open = (): Transport => {
    const transport = memoryTransport({
      broker,
      topics: { orders: { partitions: 4 } },
      runtime: { log: silentLog },
    });
    transports.push(transport);
    return transport;
  };
  beforeEach(async () => {
    db = await openDatabase();
    broker = createMemoryBroker();
    transports = [];
  });
  afterEach(async () => {
    await Promise.all(transports.map((transport) => transport.close({ deadlineMs: 500 })));
    await db.close();
  });

  const create = (options: Partial<ConsumerOptions<pg.PoolClient>> = {}): Consumer<pg.PoolClient> =>
    createConsumer({
      transport: options.transport ?? open(),
      group: 'billing',
      from: 'earliest',
      database: db.database,
      holdMs: 20,
      retry: { attempts: 5, backoff: constant({ delayMs: 100 }) },
      runtime: { log: silentLog },
      ...options,
    });
  const place = (transport: Transport, no: number, customer = 'ada'): Promise<Message> =>
    createPublisher(transport).publish(OrderPlaced, { customer, no }, { id: `${customer}-${no}` });
  const parked = () => db.count('select count(*) from holdfast.inbox_parked');
  const sequences = () => db.count('select count(*) from holdfast.inbox_sequences');

  it('P5: looks once a second while nothing is parked', async () => {
    let statements = 0;
    const execute: typeof db.database.execute = (...args) => {
      statements++;
      return db.database.execute(...args);
    };
    await using consumer = create({ database: { ...db.database, execute } });
    await consumer.on(OrderPlaced, async () => {}).start();
    await sleep(500);
    statements = 0;
    await sleep(3_000);
    assert.ok(statements >= 2 && statements <= 6, `${statements} statements in three seconds`);
  });

  it('P3, P8: parks a key whose retry is longer than holdMs, lets others flow, and goes on in order', async () => {
    const ran: string[] = [];
    let fails = true;
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { message }) => {
      if (customer === 'ada' && no === 1 && fails) throw new Error('down');
      ran.push(message.id);
    });
    await consumer.start();
    const transport = transports[0] as Transport;
    for (let no = 1; no <= 3; no++) await place(transport, no);
    for (let no = 1; no <= 3; no++) await place(transport, no, 'bob');
    await eventually(async () => assert.equal(await parked(), 3));
    await eventually(() => assert.deepEqual(ran, ['bob-1', 'bob-2', 'bob-3']));
    fails = false;
    await eventually(() => assert.equal(ran.length, 6));
    assert.deepEqual(ran.slice(3), ['ada-1', 'ada-2', 'ada-3']);
    await eventually(async () => assert.equal(await sequences(), 0));
    assert.equal(await parked(), 0);
    await place(transport, 4);
    await eventually(() => assert.deepEqual(ran.slice(6), ['ada-4']));
  });

  it('P4: does not run again what it drained before a failure behind it could not be stored', async () => {
    let lost = 0;
    const execute: typeof db.database.execute = async (text, ...rest) => {
      if (text.includes('inbox_failed') && lost++ === 0) throw new Error('the connection ended');
      return db.database.execute(text, ...rest);
    };
    const ran: string[] = [];
    let fails = true;
    await using consumer = create({ database: { ...db.database, execute } });
    consumer.on(OrderPlaced, async (_, { message: { id } }) => {
      const isParked = (await parked()) === 3 || ran.length > 0;
      if (id === 'ada-1' && !isParked) throw new Error('down');
      ran.push(id);
      if (id !== 'ada-2' || !fails) return;
      fails = false;
      throw new Error('down');
    });
    await consumer.start();
    const transport = transports[0] as Transport;
    for (let no = 1; no <= 3; no++) await place(transport, no);
    await eventually(() => assert.equal(ran.length, 4));
    assert.deepEqual(ran, ['ada-1', 'ada-2', 'ada-2', 'ada-3']);
    assert.ok(lost > 0);
  });

  it('P8: costs the keys that flow hardly a statement more while one fails and is parked', async () => {
    const count = 2_000;
    const statementsOf = async (fails: boolean): Promise<number> => {
      let statements = 0;
      const execute: typeof db.database.execute = (...args) => {
        statements++;
        return db.database.execute(...args);
      };
      const transport = open();
      const topic = `orders-${fails}`;
      await transport.topology.apply({ topics: { [topic]: { partitions: 4, groups: { billing: 'earliest' } } } });
      const contract = { ...OrderPlaced, topic };
      const publisher = createPublisher(transport);
      for (let no = 0; no < count; no++) await publisher.publish(contract, { customer: `customer ${no % 200}`, no });
      const retry = { attempts: 2, backoff: constant({ delayMs: 60_000 }) };
      await using consumer = create({ transport, database: { ...db.database, execute }, retry });
      let handled = 0;
      consumer.on(contract, async ({ customer }) => {
        if (fails && customer === 'customer 7') throw new Error('down');
        handled++;
      });
      await consumer.start();
      await eventually(() => assert.equal(handled, fails ? (count / 200) * 199 : count));
      return statements;
    };
    const [healthy, failing] = [await statementsOf(false), await statementsOf(true)];
    assert.ok(failing < 1.4 * healthy, `${failing} statements, ${healthy} while none fails`);
  });

  it('counts attempts over the life of a message, through parking and another owner', async () => {
    const attempts: number[] = [];
    const first = create({ retry: { attempts: 4, backoff: constant({ delayMs: 1_000 }) } });
    const fail = async (_: unknown, { attempt }: { attempt: number }) => {
      attempts.push(attempt);
      throw new Error('down');
    };
    first.on(OrderPlaced, fail);
    await first.start();
    await place(transports[0] as Transport, 1);
    await eventually(async () => assert.equal(await parked(), 1));
    await first.close();
    await using second = create({ retry: { attempts: 4, backoff: constant({ delayMs: 50 }) } });
    second.on(OrderPlaced, fail);
    await second.start();
    await eventually(async () =>
      assert.equal(await db.count("select count(*) from holdfast.inbox_parked where state = 'dead'"), 1),
    );
    assert.deepEqual(attempts, [1, 2, 3, 4]);
    const { rows } = await db.pool.query(
      'select jsonb_array_length(errors) as errors, attempts, reason from holdfast.inbox_parked',
    );
    assert.deepEqual(rows, [{ errors: 4, attempts: 4, reason: 'attempts_exhausted: 4 of 4, Error: down' }]);
  });

  it('P2, P5: is told that the store is full, says so, and holds up what it cannot park', async () => {
    let fails = true;
    await using consumer = create({ parkedCapacity: 2 });
    const ran: string[] = [];
    consumer.on(OrderPlaced, async (_, { message }) => {
      if (fails) throw new Error('down');
      ran.push(message.id);
    });
    await consumer.start();
    for (let no = 1; no <= 4; no++) await place(transports[0] as Transport, no);
    await eventually(() => assert.match(consumer.health().reasons.join(), /2 messages are parked/));
    assert.equal(consumer.health().ready, false);
    assert.equal(await parked(), 2);
    fails = false;
    await eventually(() => assert.deepEqual(ran, ['ada-1', 'ada-2', 'ada-3', 'ada-4']));
    await eventually(() => assert.equal(consumer.health().ready, true));
  });

  it('P4: settles copies of what is parked, and of what was settled, without running them', async () => {
    let fails = true;
    const ran: string[] = [];
    await using consumer = create({ retry: { attempts: 9, backoff: constant({ delayMs: 400 }) } });
    consumer.on(OrderPlaced, async ({ no }, { message }) => {
      if (no === 2 && fails) throw new Error('down');
      ran.push(message.id);
    });
    await consumer.start();
    const transport = transports[0] as Transport;
    for (const no of [1, 2, 3, 3, 2, 1]) await place(transport, no);
    await eventually(() => assert.equal(consumer.stats().stored, 4));
    assert.equal(await parked(), 2);
    fails = false;
    await eventually(() => assert.deepEqual(ran, ['ada-1', 'ada-2', 'ada-3']));
    await eventually(async () => assert.equal(await sequences(), 0));
  });

  for (const afterDeadLetter of ['block', 'continue'] as const) {
    it(`P3: lets a key ${afterDeadLetter === 'block' ? 'wait behind its' : 'go on after a'} dead letter with afterDeadLetter: '${afterDeadLetter}'`, async () => {
      const ran: string[] = [];
      await using consumer = create({ afterDeadLetter, retry: { attempts: 1 } });
      consumer.on(OrderPlaced, async ({ customer, no }, { message }) => {
        if (customer === 'ada' && no === 1) throw new Error('down');
        ran.push(message.id);
      });
      await consumer.start();
      const transport = transports[0] as Transport;
      for (const customer of ['ada', 'bob']) for (const no of [1, 2]) await place(transport, no, customer);
      await place(transport, 1);
      await eventually(() => assert.equal(consumer.stats().inFlight, 0));
      const went = afterDeadLetter === 'block' ? ['bob-1', 'bob-2'] : ['ada-2', 'bob-1', 'bob-2'];
      await eventually(() => assert.deepEqual(ran.toSorted(), went));
      await eventually(async () => assert.equal(await parked(), afterDeadLetter === 'block' ? 2 : 1));
      assert.equal(consumer.stats().rejected, 1, 'a copy of a dead letter runs no handler');
    });
  }
});
