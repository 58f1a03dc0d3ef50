import assert from 'node:assert/strict';
import { isHoldfastError, PublishError } from '@holdfast/core';
import { connect } from 'amqplib';
import { connect as connect1 } from 'amqplib-1';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

const clients = [
  ['amqplib 2', connect],
  ['amqplib 1', connect1],
] as const;

describe('messages that RabbitMQ refuses', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  after(() => rabbit.close());

  it('P3: a refused message is overtaken by none of its key, though hundreds are published at once', async () => {
    const raw = await rabbit.raw();
    const [exchange, queue] = [rabbit.name('exchange'), rabbit.name('full')];
    await raw.assertExchange(exchange, 'fanout');
    await raw.assertQueue(queue, {
      arguments: { 'x-queue-type': 'quorum', 'x-max-length': 20, 'x-overflow': 'reject-publish' },
    });
    await raw.bindQueue(queue, exchange, '');
    const transport = rabbit.open({ topics: { orders: { adopt: { exchange, routingKey: () => '' } } } });
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        transport.publish('orders', [messageOf(`m${n}`, `key-${n % 3}`)]).then(
          () => 'ok',
          (error: PublishError) => (isHoldfastError(error.cause) ? error.cause.code : String(error.cause)),
        ),
      ),
    );
    assert.deepEqual([...new Set(outcomes)].sort(), ['earlier_failed', 'message_refused', 'ok']);
    for (const key of [0, 1, 2]) {
      const ofKey = outcomes.filter((_, n) => n % 3 === key);
      assert.ok(!ofKey.slice(ofKey.findIndex((one) => one !== 'ok')).includes('ok'), `key ${key}: ${ofKey.join(' ')}`);
    }
    for (;;) {
      const got = await raw.get(queue, { noAck: true });
      if (got === false) break;
      assert.equal(outcomes[Number(String(got.properties.messageId).slice(1))], 'ok');
    }
    await transport.publish('orders', [messageOf('again', 'key-0')]);
  });

  for (const [client, connectOf] of clients) {
    it(`P1: headers that do not fit into a frame fail their message by name, and no other, with ${client}`, async () => {
      const topic = rabbit.name('topic');
      const transport = rabbit.open({ connect: () => connectOf(rabbit.url) });
      await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
      const huge = { ...messageOf('huge'), headers: { note: 'x'.repeat(200_000) } };
      const before = transport.publish(topic, [messageOf('before')]);
      await assert.rejects(transport.publish(topic, [messageOf('beside'), huge]), (error) => {
        assert.ok(error instanceof PublishError && !error.retryable);
        assert.deepEqual(
          error.outcomes.map(({ outcome }) => outcome),
          ['ok', 'failed'],
        );
        return isHoldfastError(error.cause, 'unsendable');
      });
      await before;
      await transport.publish(topic, [messageOf('after')]);
      const largest = { ...messageOf('largest'), headers: { note: 'é'.repeat(32_000) } };
      await transport.publish(topic, [largest]);
      assert.equal((await transport.topology.describe(topic)).groups[0]?.lag, 4);
    });
  }
});
