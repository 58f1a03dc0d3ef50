import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import { ack, defineMessage, nestMessages, silentLog, type Transport } from '@holdfast/core';
import { createDeadLetters, deadLetterSchema } from '@holdfast/dead-letter';
import { z } from 'zod';
import { eventually } from '../../harness/index.ts';
import { openDatabase, type TestDatabase } from '../inbox/open-database.ts';
import { type ForeignTopic, foreignBrokers } from './foreign-brokers.ts';

const OrderPlaced = defineMessage('order.placed', {
  ...{ version: 1, topic: 'orders', schema: z.object({ orderId: z.string() }) },
});
const read = nestMessages({ id: ({ orderId }: { readonly orderId: string }) => orderId });
const packet = (n: number): string => JSON.stringify({ pattern: 'order.placed', data: { orderId: `o${n}` } });
const count = 60;
const maxInFlight = 20;

for (const broker of foreignBrokers) {
  describe(`messages on ${broker.name} that cannot be read`, function () {
    // The first to need them starts the servers.
    this.timeout(120_000);
    const from = broker.name === 'RabbitMQ' ? 'latest' : 'earliest';
    let foreign: ForeignTopic;
    let transport: Transport | undefined;
    let db: TestDatabase;
    beforeEach(async () => {
      db = await openDatabase({ modules: [deadLetterSchema] });
      foreign = await broker.open();
    });
    afterEach(async () => {
      await transport?.close({ deadlineMs: 1_000 });
      await foreign.close();
      await db.close();
    });

    const putAll = async (): Promise<void> => {
      await foreign.put('no JSON');
      for (let n = 0; n < count; n++) await foreign.put(packet(n));
    };

    for (const inbox of ['direct', 'store-first'] as const) {
      it(`P8: are dead letters in the database of their consumer, and what is behind them goes on (${inbox})`, async () => {
        transport = await foreign.adopt(read);
        const handled = new Set<string>();
        const consumer = createConsumer({
          ...{ transport, group: 'g', from, database: db.database, inbox, maxInFlight, runtime: { log: silentLog } },
        }).on(OrderPlaced, async ({ orderId }) => {
          handled.add(orderId);
        });
        await consumer.start();
        await putAll();
        await eventually(() => assert.equal(handled.size, count), { timeoutMs: 20_000 });
        const letters = createDeadLetters({
          database: db.database,
          group: 'g',
          by: 'ada',
          runtime: { log: silentLog },
        });
        await eventually(async () => assert.equal((await letters.list()).length, 1), { timeoutMs: 10_000 });
        const [letter] = await letters.list();
        assert.match(letter?.reason ?? '', /^unreadable: .*no JSON/);
        assert.equal(letter?.topic, 'orders');
        await consumer.close();
      });
    }

    // RabbitMQ takes no queue whose dead letters go nowhere.
    if (broker.name === 'RabbitMQ') return;
    it('P6: are dropped where dead letters go nowhere, counted and logged, and what is behind them goes on', async () => {
      const complaints: string[] = [];
      const counts = new Map<string, number>();
      transport = foreign.adoptWithoutGrave?.(read, {
        log: { ...silentLog, error: (_, text) => void complaints.push(text) },
        meter: {
          count: (name, by) => void counts.set(name, (counts.get(name) ?? 0) + by),
          ...{ gauge: () => {}, record: () => {} },
        },
      });
      assert.ok(transport);
      await putAll();
      let handled = 0;
      const receive = async () => {
        handled++;
        return ack;
      };
      const subscription = await transport.subscribe(['orders'], receive, { group: 'g', from, maxInFlight });
      await eventually(() => assert.equal(handled, count), { timeoutMs: 20_000 });
      const dropped = [...counts].filter(([name]) =>
        /^holdfast\.(intake\.dropped_unreadable|kafka\.dropped_rejected)$/.test(name),
      );
      assert.deepEqual(
        dropped.map(([, times]) => times),
        [1],
      );
      assert.match(complaints.join(), /could not be read and is dropped|is passed over/);
      assert.equal(subscription.health().ready, true);
    });
  });
}
