import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import {
  armTriggerPoints,
  createRuntime,
  encodeMessage,
  isHoldfastError,
  type Message,
  silentLog,
  sleep,
  systemClock,
} from '@holdfast/core';
import { createInboxRelay, createMessageStore } from '@holdfast/inbox';
import { eventually } from '../../harness/index.ts';
import { addEffect } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';
import { useStoreFirstWorld } from './store-first-world.ts';

describe("a consumer with inbox: 'store-first'", () => {
  const world = useStoreFirstWorld();
  const { create, place, lag, stored, effectsOf } = world;

  it('P2: settles a message when it is stored, and handles it from there', async () => {
    const handling = Promise.withResolvers<void>();
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      await handling.promise;
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().stored, 1));
    await eventually(async () => assert.equal(await lag(), 0));
    assert.equal(await stored(), 1);
    handling.resolve();
    await eventually(async () => assert.equal(await stored(), 0));
    assert.deepEqual(await effectsOf('ada'), ['ada-1']);
    assert.equal(consumer.stats().acked, 1);
  });

  it('P4: turns a copy away when it is stored, before and after the message was handled', async () => {
    const handling = Promise.withResolvers<void>();
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      await handling.promise;
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    await place('ada', 1);
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
    handling.resolve();
    await eventually(async () => assert.equal(await stored(), 0));
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().duplicates, 2));
    assert.deepEqual(await effectsOf('ada'), ['ada-1']);
  });

  it('P3: keeps the order of a key through retries, while other keys go on', async () => {
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { once, attempt }) => {
      if (customer === 'ada' && no === 1 && attempt < 4) throw new Error('busy');
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    for (const no of [1, 2, 3, 4, 5]) for (const customer of ['ada', 'bob', 'cid']) await place(customer, no);
    await eventually(async () => assert.equal(await world.db.count('select count(*) from effects'), 15));
    for (const customer of ['ada', 'bob', 'cid']) {
      assert.deepEqual(
        await effectsOf(customer),
        [1, 2, 3, 4, 5].map((no) => `${customer}-${no}`),
      );
    }
    assert.equal(consumer.stats().retried, 3);
  });

  it('P4: has neither lost the effect nor doubled it when it ends between the effect and the commit', async () => {
    let crashes = 0;
    const disarm = armTriggerPoints({
      'inbox.afterEffect.beforeCommit': () => {
        if (++crashes <= 2) throw new Error('crashed');
      },
    });
    try {
      await using consumer = create();
      consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
        await once(addEffect(`${customer}-${no}`, customer));
      });
      await consumer.start();
      await place('ada', 1);
      await eventually(() => assert.equal(consumer.stats().acked, 1));
      assert.equal(crashes, 3);
      assert.deepEqual(await effectsOf('ada'), ['ada-1']);
    } finally {
      disarm();
    }
  });

  it('P2: settles nothing that could not be stored, and stores it when it can', async () => {
    await using consumer = create({ retry: { attempts: 1 } });
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    world.proxy.inject({ fault: 'refuse' });
    await place('ada', 1);
    await eventually(() => assert.ok(consumer.stats().retried > 0));
    assert.equal(await lag(), 1);
    assert.equal(consumer.health().ready, false);
    world.proxy.heal();
    await eventually(async () => assert.deepEqual(await effectsOf('ada'), ['ada-1']));
    assert.equal(consumer.stats().rejected, 0);
  });

  it('P2: stores once what it does not know to be stored, because the reply was lost', async () => {
    await using consumer = create({ retry: { attempts: 1 } });
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      await once(addEffect(`${customer}-${no}`, customer));
    });
    await consumer.start();
    world.proxy.inject({ fault: 'drop-reply', after: 'inbox_store' });
    await place('ada', 1);
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
    await eventually(async () => assert.deepEqual(await effectsOf('ada'), ['ada-1']));
    assert.equal(world.proxy.counts.cuts, 1);
  });

  it('deletes a message whose handler did without once when that has succeeded', async () => {
    let runs = 0;
    await using consumer = create();
    consumer.on(OrderPlaced, async () => void runs++);
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.equal(runs, 1));
    await eventually(async () => assert.equal(await stored(), 0));
  });

  it('P2: runs a handler again that failed after its effect, which stays one', async () => {
    const outcomes: string[] = [];
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { once, attempt }) => {
      outcomes.push((await once(addEffect(`${customer}-${no}`, customer))).outcome);
      if (attempt === 1) throw new Error('the mail could not be sent');
    });
    await consumer.start();
    await place('ada', 1);
    await eventually(() => assert.deepEqual(outcomes, ['done', 'duplicate']));
    await eventually(async () => assert.equal(await stored(), 0));
    assert.deepEqual(await effectsOf('ada'), ['ada-1']);
  });

  it('hands what was stored to the next consumer of its group, and to no other group', async () => {
    const handled: string[] = [];
    const storing = create();
    storing.on(OrderPlaced, () => new Promise(() => {}));
    await storing.start();
    await place('ada', 1);
    await place('ada', 2);
    await eventually(() => assert.equal(storing.stats().stored, 2));
    await storing.close({ deadlineMs: 100 });
    await using other = create({ group: 'shipping', from: 'latest' });
    other.on(OrderPlaced, async ({ no }) => void handled.push(`shipping ${no}`));
    await other.start();
    await using next = create();
    next.on(OrderPlaced, async ({ no }) => void handled.push(`billing ${no}`));
    await next.start();
    await eventually(() => assert.deepEqual(handled, ['billing 1', 'billing 2']));
  });

  it('P4: gives one effect when two run the same stored message, as after a claim that was lost unnoticed', async () => {
    const outcomes: string[] = [];
    const late = Promise.withResolvers<void>();
    const first = create();
    first.on(OrderPlaced, async ({ customer, no }, { once }) => {
      await late.promise;
      outcomes.push(
        (await once(addEffect(`${customer}-${no}`, customer)).catch(() => ({ outcome: 'aborted' }))).outcome,
      );
    });
    await first.start();
    await place('ada', 1);
    await eventually(() => assert.equal(first.stats().delivered, 2));
    await first.close({ deadlineMs: 50 });
    await using second = create();
    second.on(OrderPlaced, async ({ customer, no }, { once }) => {
      outcomes.push((await once(addEffect(`${customer}-${no}`, customer))).outcome);
    });
    await second.start();
    await eventually(() => assert.deepEqual(outcomes, ['done']));
    late.resolve();
    await eventually(() => assert.equal(outcomes.length, 2));
    assert.deepEqual(await effectsOf('ada'), ['ada-1']);
  });

  it('P7: gives a shard away only when a handler that was aborted at the deadline has stopped', async () => {
    const seen: string[] = [];
    const first = create();
    first.on(OrderPlaced, async (_order, { signal }) => {
      seen.push('first starts');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      await sleep(systemClock, 60);
      seen.push('first has stopped');
      throw signal.reason;
    });
    await first.start();
    await place('ada', 1);
    await eventually(() => assert.equal(seen.length, 1));
    await using second = create();
    second.on(OrderPlaced, async () => void seen.push('second starts'));
    await second.start();
    await first.close({ deadlineMs: 3_000 });
    await eventually(() => assert.deepEqual(seen, ['first starts', 'first has stopped', 'second starts']));
  });

  it('takes nothing and handles nothing while it is paused', async () => {
    const handledWhile: string[] = [];
    let phase = 'paused';
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ no }) => void handledWhile.push(`${no} ${phase}`));
    const storing = create();
    storing.on(OrderPlaced, () => new Promise(() => {}));
    await storing.start();
    await place('ada', 1);
    await eventually(() => assert.equal(storing.stats().stored, 1));
    await storing.close({ deadlineMs: 50 });

    consumer.pause('maintenance');
    await consumer.start();
    await place('ada', 2);
    // Whoever owns the shard has looked at least once when a lease is there.
    await eventually(async () =>
      assert.equal(await world.db.count('select count(*) from holdfast.leases where owner is not null'), 4),
    );
    phase = 'resumed';
    consumer.resume('maintenance');
    await eventually(() => assert.deepEqual(handledWhile, ['1 resumed', '2 resumed']));
  });

  it('stores what a broker may bring: text, bytes, no key; and rejects by name what Postgres cannot hold', async () => {
    const bodies: string[] = [];
    const consumer = createConsumer({
      transport: world.transport,
      group: 'billing',
      from: 'earliest',
      database: world.db.database,
      inbox: 'store-first',
      unhandled: 'reject',
      runtime: { log: silentLog },
    });
    const codec = {
      contentType: 'application/octet-stream',
      encode: (payload: unknown) => payload as Uint8Array,
      decode: (body: Uint8Array) => body,
    };
    const acceptsAll = {
      '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value }) },
    };
    const Bytes = { ...OrderPlaced, codec, schema: acceptsAll };
    consumer.on(Bytes, async (payload) => void bodies.push(Buffer.from(payload as Uint8Array).toString('hex')));
    await consumer.start();
    const base = { type: 'order.placed', headers: {} };
    const messages: Message[] = [
      { ...base, id: 'text', body: Buffer.from('ä "quoted" \\u0000') },
      { ...base, id: 'nul', body: Buffer.from('a\0b') },
      { ...base, id: 'bytes', body: Buffer.from([0xff, 0xfe, 0x00, 0x80]) },
      { ...base, id: 'empty', body: Buffer.alloc(0) },
      { ...base, id: 'x'.repeat(2_000), body: Buffer.from('1') },
      { ...base, id: 'long key', key: 'k'.repeat(2_000), body: Buffer.from('1') },
    ];
    await world.transport.publish('orders', messages);
    await eventually(() => assert.equal(bodies.length, 4));
    assert.deepEqual(
      bodies.toSorted(),
      messages
        .slice(0, 4)
        .map(({ body }) => Buffer.from(body).toString('hex'))
        .toSorted(),
    );
    await eventually(() => assert.equal(consumer.stats().rejected, 2));
    await consumer.close();
  });

  it("is not left for 'direct' while messages are stored", async () => {
    const storing = create();
    storing.on(OrderPlaced, () => new Promise(() => {}));
    await storing.start();
    await place('ada', 1);
    await eventually(() => assert.equal(storing.stats().stored, 1));
    await storing.close({ deadlineMs: 50 });
    const direct = create({ inbox: 'direct' });
    direct.on(OrderPlaced, async () => {});
    await assert.rejects(direct.start(), (error) => {
      assert.ok(isHoldfastError(error, 'invalid_option'));
      return /stored messages/.test(error.message);
    });
    await direct.close();
  });

  it("is not left for 'direct' while a key is parked, which would be overtaken", async () => {
    const storing = createMessageStore({ database: world.db.database, group: 'billing' });
    await storing.store({ id: 'm', type: 't', key: 'ada', headers: {}, body: new Uint8Array() }, 'orders');
    await storing.close();
    await using relay = createInboxRelay({
      database: world.db.database,
      group: 'billing',
      receive: async () => ({ outcome: 'reject', reason: 'no' }),
      runtime: { log: silentLog },
    });
    assert.deepEqual(await relay.runOnce(), { handedOver: 0, parked: 1 });
    await using direct = create({ inbox: 'direct' });
    direct.on(OrderPlaced, async () => {});
    await assert.rejects(direct.start(), (error) => {
      assert.ok(isHoldfastError(error, 'invalid_option'));
      return /parked messages/.test(error.message);
    });
  });

  it('keeps its ordering while messages are stored, and may have another one when they are handled', async () => {
    const storing = create();
    storing.on(OrderPlaced, () => new Promise(() => {}));
    await storing.start();
    await place('ada', 1);
    await eventually(() => assert.equal(storing.stats().stored, 1));
    await storing.close({ deadlineMs: 50 });
    await using other = create({ ordering: 'none' });
    other.on(OrderPlaced, async () => {});
    await assert.rejects(other.start(), (error) => {
      assert.ok(isHoldfastError(error, 'invalid_option'));
      return /ordering: found 'none', but group 'billing' has stored messages with 'key'/.test(error.message);
    });
    await using same = create();
    same.on(OrderPlaced, async () => {});
    await same.start();
    await eventually(async () => assert.equal(await stored(), 0));
    await same.close();
    await other.start();
  });

  it('handles batches from the store, each with one effect', async () => {
    await using consumer = create();
    const sizes: number[] = [];
    consumer.onBatch(
      OrderPlaced,
      async (batch, { once }) => {
        sizes.push(batch.length);
        await once(async (tx, fresh) => {
          for (const { payload } of fresh) await addEffect(`${payload.customer}-${payload.no}`, payload.customer)(tx);
          if (fresh.length > 1 && fresh.some(({ payload }) => payload.customer === 'c-3')) throw new Error('busy');
        });
      },
      { maxSize: 20 },
    );
    consumer.pause('until all are there');
    await consumer.start();
    for (let at = 0; at < 10; at++) for (const no of [1, 2]) await place(`c-${at}`, no);
    consumer.resume('until all are there');
    await eventually(async () => assert.equal(await stored(), 0));
    await eventually(async () => assert.equal(await world.db.count('select count(*) from effects'), 20));
    assert.equal(await world.db.count('select count(distinct id) from effects'), 20);
    assert.ok(Math.max(...sizes) > 1);
  });

  it('runs a message of a test through the stack without a store', async () => {
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ customer, no }, { once }) => {
      assert.equal((await once(addEffect(`${customer}-${no}`, customer))).outcome, 'done');
    });
    const message = await encodeMessage(OrderPlaced, { customer: 'ada', no: 1 }, {}, createRuntime());
    assert.deepEqual(await consumer.receive(message), { outcome: 'ack' });
    assert.deepEqual(await effectsOf('ada'), ['ada-1']);
  });
});
