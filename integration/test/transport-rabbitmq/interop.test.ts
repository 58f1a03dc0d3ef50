import assert from 'node:assert/strict';
import { ack, type Message, type Receive } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import type { ConfirmChannel } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

describe('plain amqplib beside us', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let raw: ConfirmChannel;
  before(async () => {
    rabbit = await openTestRabbit();
    raw = await rabbit.raw();
  });
  after(() => rabbit.close());

  it('reads what we publish, from a queue that it binds itself: id, type, key and content type are where it looks', async () => {
    const topic = rabbit.name('orders');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 2 } } });
    const { queue } = await raw.assertQueue('', { exclusive: true });
    for (const partition of [0, 1]) await raw.bindQueue(queue, topic, String(partition));
    const sent = messageOf('a', 'customer 7');
    await transport.publish(topic, [
      { ...sent, headers: { ...sent.headers, correlationid: 'c1', traceparent: '00-1' } },
    ]);
    const got = await raw.get(queue, { noAck: true });
    assert.ok(got !== false);
    const { messageId, type, contentType, correlationId, deliveryMode, headers } = got.properties;
    assert.deepEqual(
      [messageId, type, contentType, correlationId, deliveryMode],
      ['a', 'test.happened', 'application/json', 'c1', 2],
    );
    assert.deepEqual({ ...headers }, { 'holdfast-key': 'customer 7', correlationid: 'c1', traceparent: '00-1' });
    assert.deepEqual(JSON.parse(got.content.toString()), { id: 'a' });
    assert.equal(got.fields.routingKey, String(partitionOf('customer 7', 2)));
  });

  it('publishes what we read, with the properties and headers of the same names', async () => {
    const topic = rabbit.name('orders');
    const transport = rabbit.open();
    const came: Message[] = [];
    const receive: Receive = async ({ message }) => {
      came.push(message);
      return ack;
    };
    await transport.topology.apply({ topics: { [topic]: { partitions: 2 } } });
    await transport.subscribe([topic], receive, { group: 'g', from: 'latest' });
    raw.publish(topic, String(partitionOf('k', 2)), Buffer.from('{"total":3}'), {
      ...{ messageId: 'theirs', type: 'order.placed', contentType: 'application/json', persistent: true },
      headers: { 'holdfast-key': 'k', source: 'shop' },
    });
    await eventually(() => assert.equal(came.length, 1));
    const [message] = came;
    assert.deepEqual(
      { ...message, body: Buffer.from(message?.body ?? []).toString() },
      {
        ...{ id: 'theirs', type: 'order.placed', key: 'k', body: '{"total":3}' },
        headers: { 'content-type': 'application/json', source: 'shop' },
      },
    );
  });
});
