import assert from 'node:assert/strict';
import { type Consumer, type ConsumerOptions, createConsumer } from '@holdfast/consumer';
import {
  armTriggerPoints,
  createPublisher,
  createRuntime,
  encodeMessage,
  isHoldfastError,
  type Message,
  type Settlement,
  silentLog,
  type Transport,
} from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { constant } from '@holdfast/policies';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { memoryTransport } from '@holdfast/transport-memory';
import pg from 'pg';
import { eventually, freshDatabase, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { addEffect, openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { OrderPlaced } from './contracts.ts';

describe('a consumer with a database', () => {
  let db: TestDatabase;
  let proxy: TcpProxy;
  let transport: Transport;
  let duplicates: number;
  beforeEach(async () => {
    duplicates = 0;
    db = await openDatabase({
      through: async (url) => {
        proxy = await tcpProxy({ targetPort: Number(new URL(url).port) });
        return proxy.through(url);
      },
    });
    transport = memoryTransport({ topics: { orders: { partitions: 4 } }, runtime: { log: silentLog } });
  });
  afterEach(async () => {
    proxy.heal();
    await transport.close();
    await db.close();
    await proxy.close();
  });

  const create = (options: Partial<ConsumerOptions<pg.PoolClient>> = {}): Consumer<pg.PoolClient> =>
    createConsumer({
      transport,
      group: 'billing',
      from: 'earliest',
      database: db.database,
      retry: { attempts: 5, backoff: constant({ delayMs: 5 }) },
      runtime: {
        log: silentLog,
        meter: {
          count: (name, by) => {
            if (name === 'holdfast.inbox.duplicates') duplicates += by;
          },
          gauge: () => {},
          record: () => {},
        },
      },
      ...options,
    });

  const place = (no: number, id = `m-${no}`): Promise<Message> =>
    createPublisher(transport).publish(OrderPlaced, { customer: 'ada', no }, { id });
  const aMessage = (no = 1): Promise<Message> =>
    encodeMessage(OrderPlaced, { customer: 'ada', no }, { id: `m-${no}` }, createRuntime());
  const effects = () => db.count('select count(*) from effects');
  const records = () => db.count('select count(*) from holdfast.inbox');

  it('P4: gives a message that is delivered twice one effect, and turns the copy away before its handler', async () => {
    let runs = 0;
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ no }, { once }) => {
      runs++;
      await once(addEffect(String(no)));
    });
    await consumer.start();
    await place(1);
    await place(1);
    await eventually(() => assert.equal(consumer.stats().delivered, 2));
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
    assert.equal(runs, 1);
    assert.equal(await effects(), 1);
    assert.equal(duplicates, 1);
    assert.equal(consumer.health().stats.duplicates, 1);
  });

  it('P4: turns the effect of a copy away that came while the first one was still running', async () => {
    const outcomes: string[] = [];
    const both = Promise.withResolvers<void>();
    let running = 0;
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ no }, { once }) => {
      if (++running === 2) both.resolve();
      await both.promise;
      outcomes.push((await once(addEffect(String(no)))).outcome);
    });
    const message = await aMessage();
    const settlements = await Promise.all([consumer.receive(message), consumer.receive(message)]);
    assert.deepEqual(settlements, [{ outcome: 'ack' }, { outcome: 'ack' }]);
    assert.deepEqual(outcomes.sort(), ['done', 'duplicate']);
    assert.equal(await effects(), 1);
    assert.deepEqual([consumer.stats().acked, consumer.stats().duplicates], [1, 1]);
  });

  it('records a message whose handler did without once, so that a copy is turned away', async () => {
    let runs = 0;
    await using consumer = create();
    consumer.on(OrderPlaced, async () => void runs++);
    await consumer.receive(await aMessage());
    await consumer.receive(await aMessage());
    assert.equal(runs, 1);
    assert.equal(await records(), 1);
  });

  it('does not record a message whose handler failed', async () => {
    await using consumer = create();
    consumer.on(OrderPlaced, () => Promise.reject(new Error('busy')));
    assert.equal((await consumer.receive(await aMessage())).outcome, 'retry');
    assert.equal(await records(), 0);
  });

  it('P2: runs a handler again that failed after its effect, which stays one', async () => {
    const outcomes: string[] = [];
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ no }, { once, attempt }) => {
      outcomes.push((await once(addEffect(String(no)))).outcome);
      if (attempt === 1) throw new Error('the mail could not be sent');
    });
    await consumer.start();
    await place(1);
    await eventually(() => assert.equal(consumer.stats().duplicates, 1));
    assert.deepEqual(outcomes, ['done', 'duplicate']);
    assert.equal(await effects(), 1);
  });

  it('P4: gives one effect when it crashes between the effect and the ack', async () => {
    await using consumer = create();
    let runs = 0;
    consumer.on(OrderPlaced, async ({ no }, { once }) => {
      runs++;
      await once(addEffect(String(no)));
    });
    const message = await aMessage();
    const disarm = armTriggerPoints({ 'consumer.afterEffect.beforeAck': () => new Promise(() => {}) });
    void consumer.receive(message);
    await eventually(async () => assert.equal(await effects(), 1));
    disarm();
    await using next = create();
    next.on(OrderPlaced, async ({ no }, { once }) => {
      runs++;
      await once(addEffect(String(no)));
    });
    assert.deepEqual(await next.receive(message), { outcome: 'ack' });
    assert.equal(runs, 1);
    assert.equal(await effects(), 1);
  });

  it('makes a dead letter of a message whose handler calls once twice, by name', async () => {
    await using consumer = create();
    let second: unknown;
    consumer.on(OrderPlaced, async (_order, { once }) => {
      await once(async () => {});
      second = await once(async () => {}).catch((error: unknown) => error);
      throw second;
    });
    const settlement = await consumer.receive(await aMessage());
    assert.ok(isHoldfastError(second, 'once_called_twice'));
    assert.match(settlement.outcome === 'reject' ? settlement.reason : '', /^not_retryable: OnceTwiceError/);
  });

  it('waits for a once that its handler forgot to wait for', async () => {
    await using consumer = create();
    consumer.on(OrderPlaced, async ({ no }, { once }) => {
      void once(async (tx) => {
        await tx.query('select pg_sleep(0.05)');
        await addEffect(String(no))(tx);
      });
    });
    assert.deepEqual(await consumer.receive(await aMessage()), { outcome: 'ack' });
    assert.equal(await effects(), 1);
  });

  it('P7: leaves nothing of an attempt whose time was up in the middle of its transaction', async () => {
    await using consumer = create({ timeoutMs: 100 });
    consumer.on(OrderPlaced, async ({ no }, { once }) => {
      await once(async (tx) => {
        await addEffect(String(no))(tx);
        await tx.query('select pg_sleep(30)');
      });
    });
    assert.equal((await consumer.receive(await aMessage())).outcome, 'retry');
    assert.deepEqual([await effects(), await records()], [0, 0]);
    await eventually(async () =>
      assert.equal(
        await db.count(
          "select count(*) from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()",
        ),
        0,
      ),
    );
  });

  it('P7: leaves nothing of a handler that was abandoned at the deadline of the close', async () => {
    const consumer = create();
    consumer.on(OrderPlaced, async ({ no }, { once }) => {
      await once(async (tx) => {
        await addEffect(String(no))(tx);
        await new Promise(() => {});
      });
    });
    await consumer.start();
    await place(1);
    await eventually(async () =>
      assert.equal(await db.count("select count(*) from pg_stat_activity where state = 'idle in transaction'"), 1),
    );
    await consumer.close({ deadlineMs: 200 });
    await eventually(async () =>
      assert.equal(await db.count("select count(*) from pg_stat_activity where state = 'idle in transaction'"), 0),
    );
    assert.equal(await effects(), 0);
    assert.equal(consumer.stats().handedBack, 1);
  });

  describe('whose database cannot be reached', () => {
    it('waits without spending attempts, says so, and goes on when it can', async () => {
      await using consumer = create({ retry: { attempts: 1 } });
      let runs = 0;
      consumer.on(OrderPlaced, async ({ no }, { once }) => {
        runs++;
        await once(addEffect(String(no)));
      });
      await consumer.start();
      await eventually(async () => assert.equal(await db.count('select count(*) from holdfast.inbox_owners'), 4));
      proxy.inject({ fault: 'refuse' });
      await place(1);
      await eventually(() => assert.ok(consumer.stats().retried >= 1));
      assert.equal(runs, 0, 'the handler is not run only to be turned away');
      assert.equal(consumer.health().ready, false);
      assert.match(consumer.health().reasons.join(), /the inbox cannot be used/);
      proxy.heal();
      await eventually(() => assert.equal(consumer.stats().acked, 1));
      assert.equal(consumer.health().ready, true);
      assert.equal(consumer.stats().rejected, 0);
      assert.equal(await effects(), 1);
    });

    it('P4: gives one effect when the reply to the commit is lost', async () => {
      await using consumer = create({ retry: { attempts: 1 } });
      let runs = 0;
      consumer.on(OrderPlaced, async ({ no }, { once }) => {
        runs++;
        await once(async (tx) => {
          await addEffect(String(no))(tx);
          if (runs === 1) proxy.inject({ fault: 'drop-reply', after: 'commit' });
        });
      });
      await consumer.start();
      await place(1);
      await eventually(() => assert.equal(consumer.stats().duplicates, 1));
      assert.equal(proxy.counts.cuts, 1);
      assert.equal(await effects(), 1);
      assert.equal(consumer.stats().rejected, 0);
      assert.equal(runs, 1);
    });

    it('settles a message whose handler succeeded without once, although it cannot be recorded', async () => {
      await using consumer = create();
      let runs = 0;
      consumer.on(OrderPlaced, async () => {
        runs++;
        proxy.inject({ fault: 'refuse' });
      });
      assert.deepEqual(await consumer.receive(await aMessage()), { outcome: 'ack' });
      assert.equal(runs, 1);
    });
  });

  describe('that is set up wrongly', () => {
    it('does not start without the inbox’s tables, and says what to run', async () => {
      const fresh = await freshDatabase();
      const pool = new pg.Pool({ connectionString: fresh.url });
      try {
        const consumer = create({ database: pgDatabase(pool) });
        consumer.on(OrderPlaced, async () => {});
        await assert.rejects(consumer.start(), (error) => {
          assert.ok(isHoldfastError(error, 'schema_missing'));
          return /migrate/.test(error.message);
        });
        await migrate(pgDatabase(pool), [inboxSchema]);
        await consumer.start();
        await consumer.close();
      } finally {
        await pool.end();
        await fresh.drop();
      }
    });

    it('does not start on tables of an older version, and says what to run', async () => {
      await db.pool.query(`delete from holdfast.migrations where module = 'inbox' and version = 2`);
      await using consumer = create();
      consumer.on(OrderPlaced, async () => {});
      await assert.rejects(consumer.start(), (error) => {
        assert.ok(isHoldfastError(error, 'schema_behind'));
        return /migrate/.test(error.message);
      });
    });

    it('rejects a message whose id no inbox can record, and does not touch the others', async () => {
      await using consumer = create();
      consumer.on(OrderPlaced, async ({ no }, { once }) => {
        await once(addEffect(String(no)));
      });
      const good = await aMessage();
      const settlements = await Promise.all(
        [good, { ...good, id: 'x'.repeat(2_000) }, { ...good, id: 'a\0b' }].map((message) => consumer.receive(message)),
      );
      const outcome = (settlement: Settlement | undefined): string => settlement?.outcome ?? '';
      assert.deepEqual(settlements.map(outcome), ['ack', 'reject', 'reject']);
      assert.equal(await effects(), 1);
    });
  });
});
