import assert from 'node:assert/strict';
import { ack, InvalidOptionError, isHoldfastError, PublishError, type Receive } from '@holdfast/core';
import type { RawMessage } from '@holdfast/transport-rabbitmq';
import type { ConfirmChannel } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

interface Seen {
  readonly id: string;
  readonly type: string;
  readonly key: string | undefined;
  readonly body: unknown;
}

const collect = (): { readonly came: Seen[]; readonly receive: Receive } => {
  const came: Seen[] = [];
  return {
    came,
    receive: async ({ message: { id, type, key, body } }) => {
      came.push({ id, type, key, body: JSON.parse(Buffer.from(body).toString()) });
      return ack;
    },
  };
};

/** NestJS's own form: what its `ClientRMQ.emit` puts into a queue. */
const readNest = ({ body }: RawMessage) => {
  const { pattern, data } = JSON.parse(Buffer.from(body).toString());
  return { id: data.orderId, type: pattern, key: data.customerId, body: Buffer.from(JSON.stringify(data)) };
};

const readBare = ({ body, fields }: RawMessage) => {
  const { eventId, customer } = JSON.parse(Buffer.from(body).toString());
  return { id: eventId, type: fields.routingKey, key: customer };
};

describe('queues and exchanges that RabbitMQ has already', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let raw: ConfirmChannel;
  before(async () => {
    rabbit = await openTestRabbit();
    raw = await rabbit.raw();
  });
  after(() => rabbit.close());

  it('P2: a NestJS queue is consumed as it is, and left as it was', async () => {
    const [queue, deadTopic] = [rabbit.name('nest'), rabbit.name('dead')];
    const theirs = { durable: true, arguments: { 'x-max-priority': 5 } };
    await raw.assertQueue(queue, theirs);
    const data = { orderId: 'o1', customerId: 'c1', total: 3 };
    raw.sendToQueue(queue, Buffer.from(JSON.stringify({ pattern: 'order.placed', data })));
    const transport = rabbit.open({ topics: { orders: { adopt: { queue, deadTopic, read: readNest } } } });
    const { came, receive } = collect();
    const subscription = await transport.subscribe(['orders'], receive, {
      ...{ group: 'g', from: 'latest', ordering: 'none' },
    });
    await eventually(() => assert.deepEqual(came, [{ id: 'o1', type: 'order.placed', key: 'c1', body: data }]));
    await eventually(() => assert.equal(subscription.health().ready, true));
    await transport.close();
    // The same declaration as before is taken, and nothing is left or gone.
    assert.deepEqual(await raw.assertQueue(queue, theirs), { queue, messageCount: 0, consumerCount: 0 });
  });

  it('P6, P8: a message that cannot be read, or is rejected, goes to the dead topic that was named', async () => {
    const [queue, deadTopic] = [rabbit.name('bare'), rabbit.name('dead')];
    await raw.assertQueue(queue, { durable: true });
    const transport = rabbit.open({ topics: { events: { adopt: { queue, deadTopic, read: readBare } } } });
    raw.sendToQueue(queue, Buffer.from('no json'));
    raw.sendToQueue(queue, Buffer.from('{"customer":"c"}'));
    raw.sendToQueue(queue, Buffer.from('{"eventId":"e1","customer":"c"}'));
    raw.sendToQueue(queue, Buffer.from('{"eventId":"e2","customer":"c"}'));
    const came: string[] = [];
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      return id === 'e1' ? { outcome: 'reject', reason: 'unwanted' } : ack;
    };
    await transport.subscribe(['events'], receive, { group: 'g', from: 'latest', ordering: 'none' });
    const reasons: string[] = [];
    const bury: Receive = async ({ message: { headers, body } }) => {
      reasons.push(`${Buffer.from(body).toString()}: ${headers['holdfast-dead-reason']}`);
      return ack;
    };
    await eventually(() => assert.deepEqual([...came].sort(), ['e1', 'e2']));
    await eventually(async () => {
      const { groups } = await transport.topology.describe(deadTopic);
      assert.deepEqual(groups, [{ group: 'unread', lag: 3 }]);
    });
    await transport.subscribe([deadTopic], bury, { group: 'unread', from: 'latest' });
    await eventually(() => assert.equal(reasons.length, 3));
    const text = reasons.sort().join('\n');
    assert.match(text, /no json: unreadable: read\(raw\) failed/);
    assert.match(text, /\{"customer":"c"\}: unreadable: read\(raw\) found no id/);
    assert.match(text, /e1.*: unwanted/);
  });

  it('P1: an adopted exchange is published to with our routing key; what it routes nowhere fails by name', async () => {
    const [exchange, queue] = [rabbit.name('exchange'), rabbit.name('queue')];
    await raw.assertExchange(exchange, 'topic', { durable: false });
    await raw.assertQueue(queue);
    await raw.bindQueue(queue, exchange, 'orders.eu.#');
    const routingKey = ({ key = '', type }: { readonly key?: string; readonly type: string }) =>
      `orders.${key}.${type}`;
    const transport = rabbit.open({ topics: { orders: { adopt: { exchange, routingKey } } } });
    await transport.publish('orders', [messageOf('a', 'eu')]);
    const got = await raw.get(queue, { noAck: true });
    assert.ok(got !== false);
    assert.deepEqual(
      [got.properties.messageId, got.fields.routingKey, got.properties.deliveryMode],
      ['a', 'orders.eu.test.happened', 2],
    );
    await assert.rejects(transport.publish('orders', [messageOf('b', 'us')]), (error) => {
      assert.ok(error instanceof PublishError && !error.retryable);
      assert.ok(isHoldfastError(error.cause, 'unroutable'));
      assert.match(error.cause.message, /orders\.us\.test\.happened/);
      return true;
    });
    await transport.close();
    await raw.assertExchange(exchange, 'topic', { durable: false });
  });

  it('P9: what an adopted topic cannot do is refused by name, and what is missing is not made', async () => {
    const queue = rabbit.name('theirs');
    const deadTopic = rabbit.name('dead');
    await raw.assertQueue(queue, { durable: true });
    const transport = rabbit.open({
      topics: {
        orders: { adopt: { queue, deadTopic } },
        nowhere: { adopt: { queue } },
        out: { adopt: { exchange: 'amq.topic' } },
        missing: { adopt: { queue: rabbit.name('missing'), deadTopic } },
      },
    });
    const join = (topic: string, ordering: 'key' | 'none') =>
      transport.subscribe([topic], async () => ack, { group: 'g', from: 'latest', ordering });
    const coded = (code: string, text: RegExp) => (error: unknown) =>
      isHoldfastError(error, code) && text.test(error.message);
    await assert.rejects(join('orders', 'key'), coded('unsupported', /order of keys.*single/));
    await assert.rejects(
      join('nowhere', 'none'),
      (error) => error instanceof InvalidOptionError && error.option === 'topics.nowhere.adopt.deadTopic',
    );
    await assert.rejects(join('out', 'none'), coded('unsupported', /only an exchange/));
    await assert.rejects(join('missing', 'none'), coded('adopted_missing', /missing/));
    await assert.rejects(transport.topology.describe('missing'), coded('adopted_missing', /missing/));
    await assert.rejects(
      transport.publish('orders', [messageOf('a')]),
      (error) => error instanceof PublishError && isHoldfastError(error.cause, 'unsupported'),
    );
    await assert.rejects(
      transport.topology.apply({ topics: { orders: { groups: { g: 'latest' } } } }),
      coded('unsupported', /adopted/),
    );
  });

  it("P9: an adopted queue is one group's: a second one is refused while the first reads it, and what waits comes", async () => {
    const [queue, deadTopic] = [rabbit.name('theirs'), rabbit.name('dead')];
    await raw.assertQueue(queue, { durable: true });
    raw.sendToQueue(queue, Buffer.from('{}'), { messageId: 'waits', type: 't' });
    const transport = rabbit.open({ topics: { orders: { adopt: { queue, deadTopic } } } });
    const { came, receive } = collect();
    const join = (group: string, from: 'earliest' | 'latest') =>
      transport.subscribe(['orders'], receive, { group, from, ordering: 'none' });
    const [first, again] = [await join('one', 'latest'), await join('one', 'earliest')];
    await assert.rejects(
      join('two', 'latest'),
      (error) => isHoldfastError(error, 'unsupported') && /'two'.*which group 'one' reads/.test(error.message),
    );
    await eventually(() => assert.equal(came.length, 1));
    await eventually(async () => {
      const { groups } = await transport.topology.describe('orders');
      assert.deepEqual(groups, [{ group: 'one', lag: 0 }]);
    });
    await Promise.all([first.close(), again.close()]);
    assert.deepEqual((await transport.topology.describe('orders')).groups, []);
    await join('two', 'latest');
  });

  it('P6: an adopted queue that is deleted beneath is not made again: the subscription says so, and goes on when it is back', async () => {
    const [queue, deadTopic] = [rabbit.name('theirs'), rabbit.name('dead')];
    await raw.assertQueue(queue, { durable: true });
    const transport = rabbit.open({ topics: { orders: { adopt: { queue, deadTopic } } } });
    const { came, receive } = collect();
    const subscription = await transport.subscribe(['orders'], receive, {
      ...{ group: 'g', from: 'latest', ordering: 'none' },
    });
    await eventually(() => assert.equal(subscription.health().ready, true));
    await raw.deleteQueue(queue);
    await eventually(() => assert.match(subscription.health().reasons.join(), /does not exist/));
    await raw.assertQueue(queue, { durable: false });
    raw.sendToQueue(queue, Buffer.from('{}'), { messageId: 'back', type: 't' });
    await eventually(() =>
      assert.deepEqual(
        came.map(({ id }) => id),
        ['back'],
      ),
    );
    await eventually(() => assert.equal(subscription.health().ready, true));
  });
});
