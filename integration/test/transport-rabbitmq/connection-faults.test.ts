import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError, type Receive } from '@holdfast/core';
import type { RabbitmqTransportOptions } from '@holdfast/transport-rabbitmq';
import { connect as connect1 } from 'amqplib-1';
import { eventually, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { startLoad } from './load.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

describe('the RabbitMQ transport on a bad connection', function () {
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let proxy: TcpProxy;
  /** Through the proxy; a dead connection is found in two seconds or three. */
  let url: string;
  before(async () => {
    rabbit = await openTestRabbit();
    proxy = await tcpProxy({ targetPort: Number(new URL(rabbit.url).port || 5672) });
    url = `${proxy.through(rabbit.url)}?heartbeat=1`;
  });
  afterEach(() => proxy.heal());
  after(async () => {
    await rabbit.close();
    await proxy.close();
  });

  /** The other client that is supported. Both find a dead connection by its heartbeats: here in two seconds, by default in thirty. */
  const by1 = () => ({ connect: () => connect1(url, { noDelay: true }) });

  for (const [client, optionsOf] of [
    ['amqplib 2', () => ({ url })],
    ['amqplib 1', by1],
  ] as const) {
    it(`P2, P3: nothing is lost and order holds while connections are reset and go half-open under load, with ${client}`, () =>
      survives(optionsOf()));
  }

  const survives = async (options: Partial<RabbitmqTransportOptions>): Promise<void> => {
    const topic = rabbit.name('orders');
    const [publisher, consumer] = [rabbit.open(options), rabbit.open(options)];
    await publisher.topology.apply({ topics: { [topic]: { partitions: 4, groups: { g: 'latest' } } } });
    const load = startLoad(publisher, topic);
    const subscription = await consumer.subscribe([topic], load.receive, { group: 'g', from: 'latest' });
    for (let round = 0; round < 3; round++) {
      await load.more(150);
      proxy.cut();
    }
    await load.more(150);
    proxy.inject({ fault: 'half-open' });
    await eventually(() => assert.match(subscription.health().reasons.join(), /not connected/));
    proxy.heal();
    await load.more(150);
    await load.finish();
    await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
    assert.ok(proxy.counts.cuts > 0);
    await Promise.all([publisher.close(), consumer.close()]);
  };

  it('P2, P3: nothing is lost and order holds over thirty seconds in which every connection is half open', async () => {
    const topic = rabbit.name('orders');
    const [publisher, consumer] = [rabbit.open({ url }), rabbit.open({ url })];
    await publisher.topology.apply({ topics: { [topic]: { partitions: 4, groups: { g: 'latest' } } } });
    const load = startLoad(publisher, topic);
    const subscription = await consumer.subscribe([topic], load.receive, { group: 'g', from: 'latest' });
    await load.more(150);
    const until = performance.now() + 30_000;
    proxy.inject({ fault: 'half-open' });
    await eventually(() => assert.match(subscription.health().reasons.join(), /not connected/));
    const { seen } = load;
    await eventually(() => assert.ok(performance.now() > until), { timeoutMs: 35_000 });
    assert.equal(load.seen, seen, 'something came through');
    assert.equal(subscription.health().ready, false);
    proxy.heal();
    await load.more(150);
    await load.finish();
    await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
    await Promise.all([publisher.close(), consumer.close()]);
  }).timeout(100_000);

  it('P1: a lost confirm is an unknown outcome, and publishing again under the same id is safe', async () => {
    const topic = rabbit.name('orders');
    const publisher = rabbit.open({ url });
    await publisher.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    await publisher.publish(topic, [messageOf('before', 'k')]);
    proxy.inject({ fault: 'drop-reply', after: 'lost-one' });
    await assert.rejects(publisher.publish(topic, [messageOf('lost-one', 'k')]), (error) => {
      assert.ok(error instanceof PublishError && error.retryable);
      assert.equal(error.outcomes[0]?.outcome, 'unknown');
      assert.ok(isHoldfastError(error.cause, 'connection_lost'));
      return true;
    });
    await publisher.publish(topic, [messageOf('lost-one', 'k')]);
    const came: string[] = [];
    const receive: Receive = async ({ message }) => {
      came.push(message.id);
      return ack;
    };
    await rabbit.open().subscribe([topic], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.deepEqual(came, ['before', 'lost-one', 'lost-one']));
  });

  it('P2: a lost ack brings the message again, in its place, with its attempts counted on', async () => {
    const topic = rabbit.name('orders');
    const [publisher, consumer] = [rabbit.open(), rabbit.open({ url })];
    await publisher.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    const came: string[] = [];
    const gate = Promise.withResolvers<void>();
    const receive: Receive = async ({ message: { id }, attempt }) => {
      came.push(`${id}#${attempt}`);
      if (id === 'a' && attempt === 1) return { outcome: 'retry', delayMs: 1, spent: true };
      if (id === 'a' && attempt === 2 && came.length < 4) await gate.promise;
      return ack;
    };
    await consumer.subscribe([topic], receive, { group: 'g', from: 'latest' });
    await publisher.publish(topic, [messageOf('a', 'k'), messageOf('b', 'k')]);
    await eventually(() => assert.deepEqual(came, ['a#1', 'a#2']));
    // What the handler returns now is for a claim that has ended: its ack goes nowhere.
    proxy.cut();
    await eventually(async () => assert.equal((await publisher.topology.describe(topic)).groups[0]?.lag, 2));
    gate.resolve();
    await eventually(() => assert.deepEqual(came, ['a#1', 'a#2', 'a#2', 'b#1']));
    await eventually(async () => assert.equal((await publisher.topology.describe(topic)).groups[0]?.lag, 0));
  });

  it('P2: an ack that never arrives brings the message again, once, when the dead connection is found', async () => {
    const topic = rabbit.name('orders');
    const [publisher, consumer] = [rabbit.open(), rabbit.open({ url })];
    await publisher.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    const came: string[] = [];
    const gate = Promise.withResolvers<void>();
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      await gate.promise;
      return ack;
    };
    await consumer.subscribe([topic], receive, { group: 'g', from: 'latest' });
    await publisher.publish(topic, [messageOf('a', 'k'), messageOf('b', 'l')]);
    await eventually(() => assert.deepEqual(came, ['a', 'b']));
    const { droppedUp } = proxy.counts;
    proxy.inject({ fault: 'half-open' });
    gate.resolve();
    // Both handlers have ended; what they settled is on its way to nowhere.
    await eventually(() => assert.ok(proxy.counts.droppedUp > droppedUp));
    proxy.heal();
    await eventually(() => assert.deepEqual(came, ['a', 'b', 'a', 'b']), { timeoutMs: 20_000 });
    await eventually(async () => assert.equal((await publisher.topology.describe(topic)).groups[0]?.lag, 0));
  });
});
