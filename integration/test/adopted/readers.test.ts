import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import {
  ack,
  confluentCodec,
  defineMessage,
  jsonCodec,
  jsonMessages,
  type Message,
  nestMessages,
  type Transport,
} from '@holdfast/core';
import { z } from 'zod';
import { eventually } from '../../harness/index.ts';
import { type ForeignTopic, foreignBrokers } from './foreign-brokers.ts';

interface Order {
  readonly orderId: string;
  readonly customerId: string;
}

/** What @nestjs/microservices 12.1.1 has put on the wire, copied from a RabbitMQ and a Redis. */
const nest = {
  /** `ClientRMQ.emit('order.placed', data)`, and the same of `ClientRedis`. */
  emitted: '{"pattern":"order.placed","data":{"orderId":"o1","customerId":"c1","total":3}}',
  /** `emit({ cmd: 'order', a: 1 }, data)`. */
  object: '{"pattern":{"cmd":"order","a":1},"data":{"orderId":"o2","customerId":"c1","total":3}}',
  /** `send('order.count', data)`. */
  sent: '{"pattern":"order.count","data":{"orderId":"o3","customerId":"c2","total":3},"id":"b59ad483d7e75c5ad030b"}',
} as const;

for (const broker of foreignBrokers) {
  describe(`messages that others have put on ${broker.name}`, function () {
    // The first to need it starts the broker.
    this.timeout(60_000);
    let foreign: ForeignTopic;
    let transport: Transport | undefined;
    beforeEach(async () => {
      foreign = await broker.open();
    });
    afterEach(async () => {
      await transport?.close({ deadlineMs: 1_000 });
      await foreign.close();
    });

    /** What comes until there are so many, in the order of arrival. */
    const receiveOf = async (topic: string, count: number): Promise<readonly Message[]> => {
      const came: Message[] = [];
      const subscription = await transport?.subscribe(
        [topic],
        async ({ message }) => {
          came.push(message);
          return ack;
        },
        { group: 'g', from: broker.name === 'RabbitMQ' ? 'latest' : 'earliest', concurrency: 1 },
      );
      await eventually(() => assert.equal(came.length, count), { timeoutMs: 20_000 });
      await subscription?.close();
      return came;
    };
    const byBody = (a: { body: string }, b: { body: string }): number => a.body.localeCompare(b.body);
    const plain = ({ id, type, key, body }: Message) => ({ id, type, key, body: Buffer.from(body).toString() });

    it('are read as NestJS has sent them', async () => {
      for (const packet of Object.values(nest)) await foreign.put(packet);
      transport = await foreign.adopt(
        nestMessages({
          id: ({ orderId }: Order) => (orderId === 'o3' ? undefined : orderId),
          key: ({ customerId }: Order) => customerId,
        }),
      );
      assert.deepEqual((await receiveOf('orders', 3)).map(plain).toSorted(byBody), [
        ...[{ id: 'o1', type: 'order.placed', key: 'c1', body: '{"orderId":"o1","customerId":"c1","total":3}' }],
        ...[
          { id: 'o2', type: '{"a":1,"cmd":"order"}', key: 'c1', body: '{"orderId":"o2","customerId":"c1","total":3}' },
        ],
        {
          ...{ id: 'b59ad483d7e75c5ad030b', type: 'order.count', key: 'c2' },
          body: '{"orderId":"o3","customerId":"c2","total":3}',
        },
      ]);
    });

    it('are read as bare JSON', async () => {
      await foreign.put('{"orderId":"o1","customerId":"c1"}');
      transport = await foreign.adopt(
        jsonMessages({ type: 'order.placed', id: ({ orderId }: Order) => orderId, key: (order) => order.customerId }),
      );
      assert.deepEqual((await receiveOf('orders', 1)).map(plain), [
        { id: 'o1', type: 'order.placed', key: 'c1', body: '{"orderId":"o1","customerId":"c1"}' },
      ]);
    });

    it('are read in the wire format of Confluent by the codec of their contract', async () => {
      const OrderPlaced = defineMessage('order.placed', {
        ...{ version: 1, topic: 'orders', schema: z.object({ orderId: z.string() }) },
        codec: confluentCodec({ schemaId: 1, codec: jsonCodec, codecOf: (id) => (id === 42 ? jsonCodec : undefined) }),
      });
      const head = Buffer.from([0, 0, 0, 0, 42]);
      await foreign.put(Buffer.concat([head, Buffer.from('{"orderId":"o1"}')]), '1-1');
      transport = await foreign.adopt(() => ({ type: OrderPlaced.type }));
      const orders: unknown[] = [];
      const from = broker.name === 'RabbitMQ' ? 'latest' : 'earliest';
      const consumer = createConsumer({ transport, group: 'g', from }).on(OrderPlaced, async (order) => {
        orders.push(order);
      });
      await consumer.start();
      await eventually(() => assert.deepEqual(orders, [{ orderId: 'o1' }]), { timeoutMs: 20_000 });
      await consumer.close();
    });

    it('P8: are dead letters where they cannot be read, and do not stop those behind them', async () => {
      transport = await foreign.adopt(nestMessages({ id: ({ orderId }: Order) => orderId }));
      if (broker.name === 'RabbitMQ') {
        await transport.topology.apply({ topics: { [foreign.deadTopic]: { groups: { g: 'latest' } } } });
      }
      for (const body of ['no JSON', '{"a":1}', nest.emitted]) await foreign.put(body);
      assert.deepEqual(
        (await receiveOf('orders', 1)).map(({ id }) => id),
        ['o1'],
      );
      const topic = broker.name === 'Kafka' ? 'orders.dead' : foreign.deadTopic;
      const dead = await receiveOf(topic, 2);
      const reasons = dead.map(({ headers }) => headers['holdfast-dead-reason']).toSorted();
      assert.match(reasons[0] ?? '', /^unreadable: .*no JSON/);
      assert.match(reasons[1] ?? '', /^unreadable: .*has no pattern/);
    });
  });
}
