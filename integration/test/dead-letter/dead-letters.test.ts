import assert from 'node:assert/strict';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import { createPublisher, defineMessage, isHoldfastError, type Meter, silentLog, type Transport } from '@holdfast/core';
import { createDeadLetters, type DeadLetterChoice, type DeadLetters, deadLetterSchema } from '@holdfast/dead-letter';
import { memoryTransport } from '@holdfast/transport-memory';
import type pg from 'pg';
import * as z from 'zod';
import { eventually } from '../../harness/index.ts';
import { OrderPlaced } from '../consumer/contracts.ts';
import { addEffect, openDatabase, type TestDatabase } from '../inbox/open-database.ts';

describe('dead letters', () => {
  let db: TestDatabase;
  let transport: Transport;
  let letters: DeadLetters;
  /** Ids that fail. */
  let bad: Set<string>;
  let ran: string[];
  let consumer: Consumer<pg.PoolClient>;
  beforeEach(async () => {
    db = await openDatabase({ modules: [deadLetterSchema] });
    transport = memoryTransport({ topics: { orders: { partitions: 2 } }, runtime: { log: silentLog } });
    letters = createDeadLetters({
      database: db.database,
      group: 'billing',
      by: 'ada@shop',
      runtime: { log: silentLog },
    });
    bad = new Set();
    ran = [];
  });
  afterEach(async () => {
    await consumer.close();
    await transport.close();
    await db.close();
  });

  const start = async (options: Partial<ConsumerOptions<pg.PoolClient>> = {}): Promise<void> => {
    consumer = createConsumer({
      ...{ transport, group: 'billing', from: 'earliest', database: db.database, retry: { attempts: 1 } },
      runtime: { log: silentLog },
      ...options,
    });
    consumer.on(OrderPlaced, async (_, { message, once }) => {
      if (bad.has(message.id)) throw new RangeError(`no stock for '${message.id}'`);
      await once(addEffect(message.id));
      ran.push(message.id);
    });
    await consumer.start();
  };
  const place = async (customer: string, ...numbers: number[]): Promise<void> => {
    const publisher = createPublisher(transport);
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    for (const no of numbers)
      await publisher.publish(OrderPlaced, { customer, no }, { id: `${customer}-${no}`, headers });
  };
  const dead = (count: number) =>
    eventually(async () => assert.equal((await letters.list()).length, count, `${count} dead letters`));
  const live = () =>
    eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox_sequences'), 0));

  it('say what failed, where, when and how often, and which failures are of one kind', async () => {
    bad = new Set(['ada-1', 'bob-1', 'eve-1']);
    await start({ retry: { attempts: 2, backoff: () => 5 } });
    for (const customer of ['ada', 'bob', 'eve']) await place(customer, 1, 2);
    await dead(3);
    await eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox_parked'), 6));
    const [first] = await letters.list({ key: 'ada' });
    assert.deepEqual(
      [first?.id, first?.state, first?.behind, first?.topic, first?.attempts],
      ['ada-1', 'blocks', 1, 'orders', 2],
    );
    const shown = await letters.show('ada-1');
    assert.equal(shown?.traceId, '0af7651916cd43dd8448eb211c80319c');
    assert.equal(shown.failures.length, 2);
    const [failure] = shown.failures;
    assert.deepEqual([failure?.name, failure?.message], ['RangeError', "no stock for 'ada-1'"]);
    assert.match(failure?.stack ?? '', /dead-letters\.test/);
    assert.ok(failure?.process.startsWith(`${process.pid}@`));
    assert.ok((shown.firstFailedAt ?? 0) <= (shown.lastFailedAt ?? 0));
    const [group, ...rest] = await letters.groups();
    assert.deepEqual([group?.letters, rest.length], [3, 0]);
    assert.match(group?.reason ?? '', /^attempts_exhausted: 2 of 2, RangeError/);
    assert.equal((await letters.list({ signature: group?.signature ?? '' })).length, 3);
    assert.equal(await letters.show('ada-2'), undefined, 'what waits behind one is none');
    const [earliest] = await letters.list({}, { limit: 1 });
    assert.equal((await letters.list({}, { after: earliest?.place })).length, 2);
  });

  it('P3, P4: are redriven in order before what waits behind them, once, with their ids', async () => {
    bad = new Set(['ada-1']);
    await start();
    await place('ada', 1, 2, 3);
    await place('bob', 1);
    await dead(1);
    await eventually(() => assert.deepEqual(ran, ['bob-1']));
    bad.clear();
    assert.deepEqual(await letters.redrive({ id: 'ada-1' }, { dryRun: true }), { letters: 1, old: 0 });
    assert.deepEqual(await letters.redrive({ key: 'ada' }), { letters: 1, old: 0 });
    await eventually(() => assert.deepEqual(ran, ['bob-1', 'ada-1', 'ada-2', 'ada-3']));
    await live();
    await place('ada', 4, 1);
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
    assert.deepEqual(ran.slice(-1), ['ada-4']);
    assert.equal(await db.count('select count(*) from effects'), 5);
    const [entry] = await letters.audit();
    assert.deepEqual([entry?.verb, entry?.id, entry?.by, entry?.key], ['redrive', 'ada-1', 'ada@shop', 'ada']);
  });

  it('P4: take effect once, however often and by how many they are redriven', async () => {
    bad = new Set(['ada-1', 'bob-1']);
    await start({ afterDeadLetter: 'continue' });
    await place('ada', 1, 2);
    await place('bob', 1);
    await dead(2);
    await eventually(() => assert.deepEqual(ran, ['ada-2']));
    bad.clear();
    const counts = await Promise.all(Array.from({ length: 8 }, () => letters.redrive({ all: true })));
    assert.equal(
      counts.reduce((all, { letters }) => all + letters, 0),
      2,
    );
    assert.equal((await letters.redrive({ all: true })).letters, 0);
    await live();
    assert.deepEqual(ran.toSorted(), ['ada-1', 'ada-2', 'bob-1']);
    assert.equal((await letters.redrive({ all: true })).letters, 0);
    assert.equal((await letters.audit()).length, 2);
    assert.equal(await db.count('select count(*) from effects'), 3);
  });

  it('have all their attempts again, and are dead letters again when those are used up', async () => {
    bad = new Set(['ada-1']);
    await start({ retry: { attempts: 2, backoff: () => 5 } });
    await place('ada', 1, 2);
    await dead(1);
    await letters.redrive({ all: true });
    await eventually(async () => assert.equal((await letters.show('ada-1'))?.failures.length, 4));
    assert.equal((await letters.show('ada-1'))?.attempts, 2);
    assert.deepEqual(ran, []);
  });

  it('P5: are redriven without reading what the group has handled', async () => {
    bad.add('ada-1');
    await start();
    await place('ada', 1);
    await dead(1);
    await db.pool.query(`
      insert into holdfast.inbox ("group", id) select 'billing', 'handled-' || n from generate_series(1, 50000) n;
      analyze holdfast.inbox`);
    const redriving = (seqs: string): string =>
      `explain (analyze, buffers, format json) select holdfast.dead_letters_act('billing', 'redrive', ${seqs}, 'ada', '', 0, 0)`;
    const client = await db.pool.connect();
    // The first call reads the catalogue.
    await client.query(redriving("'[]'"));
    const { rows } = await client.query(redriving('(select jsonb_agg(seq::text) from holdfast.inbox_parked)'));
    client.release();
    const { Plan: plan } = rows[0]['QUERY PLAN'][0];
    const pages = plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    assert.ok(pages < 250, `${pages} pages`);
    assert.equal(await db.count(`select count(*) from holdfast.inbox where id = 'ada-1'`), 0);
  });

  it('P3: run alone with only: "head", and what is behind them is held until it is redriven', async () => {
    bad = new Set(['ada-1']);
    await start();
    await place('ada', 1, 2, 3);
    await dead(1);
    await eventually(async () => assert.equal((await letters.list())[0]?.behind, 2));
    bad.clear();
    await letters.redrive({ key: 'ada' }, { only: 'head' });
    await eventually(() => assert.deepEqual(ran, ['ada-1']));
    await eventually(async () =>
      assert.deepEqual(
        (await letters.list()).map(({ id, state }) => [id, state]),
        [['ada-2', 'held']],
      ),
    );
    await place('ada', 4);
    await letters.redrive({ key: 'ada' });
    await eventually(() => assert.deepEqual(ran, ['ada-1', 'ada-2', 'ada-3', 'ada-4']));
  });

  it('are skipped: the key goes on without them; and discarded: their copies are turned away', async () => {
    bad = new Set(['ada-1', 'bob-1']);
    await start();
    await place('ada', 1, 2);
    await place('bob', 1, 2);
    await dead(2);
    assert.equal(await letters.skip({ key: 'ada' }, 'stock is counted'), 1);
    assert.equal(await letters.discard({ key: 'bob' }, 'ordered by mistake'), 1);
    await eventually(() => assert.deepEqual(ran.toSorted(), ['ada-2', 'bob-2']));
    await live();
    assert.deepEqual(
      (await letters.list()).map(({ id, state }) => [id, state]),
      [['ada-1', 'passed']],
    );
    bad.clear();
    await place('bob', 1);
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
    assert.deepEqual(
      (await letters.audit()).map(({ verb, reason }) => [verb, reason]),
      [
        ['discard', 'ordered by mistake'],
        ['skip', 'stock is counted'],
      ],
    );
    await assert.rejects(letters.discard({ all: true }, ''), (error) => isHoldfastError(error, 'invalid_option'));
  });

  it('are edited: another id and a payload that fits, in the same place', async () => {
    bad = new Set(['ada-1']);
    await start();
    await place('ada', 1, 2);
    await dead(1);
    const edit = (payload: { customer: string; no: number }) => letters.edit('ada-1', OrderPlaced, payload, 'typo');
    await assert.rejects(edit({ customer: 'ada' } as never), (error) => isHoldfastError(error, 'invalid_payload'));
    await assert.rejects(edit({ customer: 'bob', no: 1 }), (error) => isHoldfastError(error, 'key_changed'));
    const id = await edit({ customer: 'ada', no: 7 });
    await assert.rejects(edit({ customer: 'ada', no: 7 }), (error) => isHoldfastError(error, 'no_dead_letter'));
    const edited = await letters.show(id);
    assert.equal(edited?.message.headers.causationid, 'ada-1');
    assert.equal(edited?.traceId, '0af7651916cd43dd8448eb211c80319c');
    await letters.redrive({ id });
    await eventually(() => assert.deepEqual(ran, [id, 'ada-2']));
    const entry = (await letters.audit()).find(({ verb }) => verb === 'edit');
    assert.equal(entry?.newId, id);
    assert.deepEqual(entry.oldBody, { text: '{"customer":"ada","no":1}', encoding: 'utf8', cut: false });
  });

  it('are not edited by the contract of another type, nor without a reason', async () => {
    bad = new Set(['ada-1']);
    await start();
    await place('ada', 1);
    await dead(1);
    const OrderNoted = defineMessage('order.noted', {
      ...{ version: 1, topic: 'notes', key: ({ customer }: { customer: string }) => customer },
      schema: z.object({ customer: z.string() }),
    });
    await assert.rejects(letters.edit('ada-1', OrderNoted, { customer: 'ada' }, 'typo'), (error: Error) => {
      assert.ok(isHoldfastError(error, 'invalid_option'));
      assert.match(error.message, /order\.noted.*ada-1.*order\.placed/);
      return true;
    });
    await assert.rejects(letters.edit('ada-1', OrderPlaced, { customer: 'ada', no: 1 }, ''), (error) =>
      isHoldfastError(error, 'invalid_option'),
    );
    assert.equal((await letters.show('ada-1'))?.type, 'order.placed');
    assert.deepEqual(await letters.audit(), []);
  });

  const hold = async (...customers: string[]): Promise<void> => {
    bad = new Set(customers.map((customer) => `${customer}-1`));
    await start();
    for (const customer of customers) await place(customer, 1, 2, 3);
    await dead(customers.length);
    for (const key of customers)
      await eventually(async () => assert.equal((await letters.list({ key }))[0]?.behind, 2, key));
    bad.clear();
    await letters.redrive({ all: true }, { only: 'head' });
    await eventually(async () =>
      assert.deepEqual(
        (await letters.list()).map(({ id, state }) => [id, state]).toSorted(),
        customers.map((customer) => [`${customer}-2`, 'held']),
      ),
    );
  };

  it('that are only held are skipped and discarded too: their keys go on, and their copies are turned away', async () => {
    await hold('ada', 'bob');
    assert.equal(await letters.skip({ key: 'ada' }, 'counted by hand'), 1);
    assert.equal(await letters.discard({ key: 'bob' }, 'ordered by mistake'), 1);
    await eventually(() => assert.deepEqual(ran.toSorted(), ['ada-1', 'ada-3', 'bob-1', 'bob-3']));
    await live();
    const [skipped, ...rest] = await letters.list();
    assert.deepEqual([skipped?.id, skipped?.state, rest], ['ada-2', 'passed', []]);
    await place('ada', 2);
    await place('bob', 2);
    await eventually(() => assert.equal(consumer.stats().duplicates, 2));
    assert.equal((await letters.redrive({ id: 'ada-2' })).letters, 1);
    await eventually(() => assert.deepEqual(ran.slice(4), ['ada-2']));
    assert.equal(await db.count('select count(*) from effects'), 5);
  });

  it('that are only held are edited, and wait on', async () => {
    await hold('ada');
    const id = await letters.edit('ada-2', OrderPlaced, { customer: 'ada', no: 7 }, 'typo');
    assert.deepEqual(
      (await letters.list()).map((letter) => [letter.id, letter.state]),
      [[id, 'held']],
    );
    assert.equal((await letters.redrive({ id })).letters, 1);
    await eventually(() => assert.deepEqual(ran, ['ada-1', id, 'ada-3']));
    await live();
    await place('ada', 2);
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
  });

  it('are redriven by signature, by type and by topic', async () => {
    bad = new Set(['ada-1', 'bob-1']);
    await start({ afterDeadLetter: 'continue' });
    await place('ada', 1);
    await place('bob', 1);
    await dead(2);
    const other =
      "update holdfast.inbox_parked set signature = 'other', type = 'order.noted', topic = 'notes' where id = 'bob-1'";
    await db.pool.query(other);
    const signature = (await letters.list({ key: 'ada' }))[0]?.signature ?? '';
    const dry = async (choice: DeadLetterChoice) => (await letters.redrive(choice, { dryRun: true })).letters;
    for (const choice of [{ signature }, { type: 'order.placed' }, { topic: 'orders' }])
      assert.equal(await dry(choice), 1);
    assert.equal(await dry({ signature, type: 'order.noted' }), 0);
    bad.clear();
    assert.equal((await letters.redrive({ signature, type: 'order.placed', topic: 'orders' })).letters, 1);
    await eventually(() => assert.deepEqual(ran, ['ada-1']));
    assert.deepEqual(
      (await letters.list()).map(({ id }) => id),
      ['bob-1'],
    );
  });

  for (const rival of ['skip', 'discard'] as const) {
    it(`P4: redriven while somebody gives them to ${rival}, each has one of the two done with it`, async () => {
      const customers = Array.from({ length: 30 }, (_, at) => `c${at}`);
      bad = new Set(customers.map((customer) => `${customer}-1`));
      await start();
      for (const customer of customers) await place(customer, 1, 2);
      await dead(30);
      bad.clear();
      const racing = customers.flatMap((key) => [
        letters.redrive({ id: `${key}-1` }).then(({ letters: count }) => count),
        letters[rival]({ id: `${key}-1` }, 'a race'),
      ]);
      const done = (await Promise.all(racing)).reduce((all, count) => all + count, 0);
      await eventually(() => assert.equal(ran.filter((id) => id.endsWith('-2')).length, 30));
      await live();
      const left = await letters.list();
      const audit = await letters.audit();
      const redriven = audit.filter(({ verb }) => verb === 'redrive').length;
      const given = audit.filter(({ verb }) => verb === rival).length;
      assert.equal(done, redriven + given);
      assert.equal(left.length, rival === 'skip' ? 30 - ran.filter((id) => id.endsWith('-1')).length : 0);
      assert.equal(new Set(ran).size, ran.length, 'nothing ran twice');
      assert.equal(await db.count('select count(*) from effects'), ran.length);
      if (rival === 'discard') assert.equal(audit.length, 30, 'one verb for each');
    });
  }

  it('P5: keep their audit for as long as they are told to, and say how much there is', async () => {
    bad = new Set(['ada-1']);
    await start();
    await place('ada', 1);
    await dead(1);
    await db.pool.query(`insert into holdfast.dead_letter_audit (at, by_whom, verb, "group", id, topic)
      select now() - interval '91 days', 'ada', 'skip', 'billing', 'old-' || n, 'orders' from generate_series(1, 2500) n`);
    await db.pool.query(`insert into holdfast.dead_letter_audit (at, by_whom, verb, "group", id, topic)
      select now() - interval '89 days', 'ada', 'skip', 'billing', 'new', 'orders'`);
    const gauged: unknown[] = [];
    const meter: Meter = { count: () => {}, record: () => {}, gauge: (...given) => gauged.push(given) };
    const measured = createDeadLetters({
      ...{ database: db.database, group: 'billing', by: 'ada@shop', runtime: { log: silentLog, meter } },
    });
    await measured.discard({ key: 'ada' }, 'ordered by mistake');
    assert.deepEqual(
      (await measured.audit()).map(({ id }) => id),
      ['ada-1', 'new'],
    );
    assert.deepEqual(gauged, [['holdfast.dead_letter.audit', 2, { group: 'billing' }]]);
  });

  it('become due at the rate that is asked for, and warn when they are old', async () => {
    const customers = ['ada', 'bob', 'eve', 'joe'];
    bad = new Set(customers.map((customer) => `${customer}-1`));
    await start({ afterDeadLetter: 'continue' });
    for (const customer of customers) await place(customer, 1);
    await dead(4);
    await db.pool.query("update holdfast.inbox_parked set died_at = died_at - interval '40 days' where id = 'ada-1'");
    bad.clear();
    const from = performance.now();
    assert.deepEqual(await letters.redrive({ olderThanMs: 0 }, { perSecond: 5 }), { letters: 4, old: 1 });
    await eventually(() => assert.equal(ran.length, 4));
    assert.ok(performance.now() - from >= 590, 'four at five a second take three fifths of it');
    assert.equal((await letters.redrive({ olderThanMs: 1 })).letters, 0);
  });

  it('P2: of a process that is gone are redriven by the next', async () => {
    bad = new Set(['ada-1']);
    await start();
    await place('ada', 1, 2);
    await dead(1);
    await consumer.close();
    bad.clear();
    assert.equal((await letters.redrive({ all: true })).letters, 1);
    await start();
    await eventually(() => assert.deepEqual(ran, ['ada-1', 'ada-2']));
  });
});
