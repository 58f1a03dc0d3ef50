import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { ack, type Receive } from '@holdfast/core';
import type { ConfirmChannel } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';
import { watchedConnect } from './watched-connect.ts';

const ready = { live: true, ready: true, reasons: [] };
const receive: Receive = async () => ack;

describe('members of a group on RabbitMQ', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let raw: ConfirmChannel;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  beforeEach(async () => {
    raw = await rabbit.raw();
  });
  after(() => rabbit.close());

  const join = (...topics: string[]) => rabbit.open().subscribe(topics, receive, { group: 'g', from: 'latest' });

  it('are all counted again when the queue by which they are counted is deleted', async () => {
    const topic = rabbit.name('topic');
    const members = [await join(topic), await join(topic)];
    const shares = () => members.map(({ assignments }) => assignments.length).sort();
    await eventually(() => assert.deepEqual(shares(), [2, 2]));
    await raw.deleteQueue(`${topic}/g/members`);
    await eventually(async () => {
      const channel = await rabbit.raw();
      assert.equal((await channel.checkQueue(`${topic}/g/members`)).consumerCount, 2);
    });
    members.push(await join(topic));
    await eventually(() => assert.deepEqual(shares(), [1, 1, 2]));
    for (const member of members) await eventually(() => assert.deepEqual(member.health(), ready));
  });

  it('P3: keep the lock of a partition that they take up again after losing it, however slow its release was', async () => {
    const topic = rabbit.name('topic');
    const lock = `${topic}/g/0/owner`;
    const slow = watchedConnect(rabbit.url, (channel) => {
      const deleteQueue = channel.deleteQueue.bind(channel);
      channel.deleteQueue = async (queue) => {
        if (queue === lock) await sleep(300);
        return deleteQueue(queue);
      };
    });
    const transport = rabbit.open({ connect: slow });
    await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
    const subscription = await transport.subscribe([topic], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.deepEqual(subscription.health(), ready));
    const [before] = subscription.assignments;
    await raw.deleteQueue(`${topic}/g/0`);
    await eventually(() => {
      assert.equal(subscription.assignments.length, 1);
      assert.notDeepEqual(subscription.assignments[0], before);
    });
    await sleep(500);
    assert.equal(subscription.assignments.length, 1);
    await assert.rejects(raw.checkQueue(lock), /RESOURCE.LOCKED/);
  });

  it('P8: look after their other topics while one is broken', async () => {
    const [topic, queue, deadTopic] = [rabbit.name('topic'), rabbit.name('theirs'), rabbit.name('dead')];
    await raw.assertQueue(queue);
    const transport = rabbit.open({ topics: { broken: { adopt: { queue, deadTopic, singleActiveConsumer: true } } } });
    const first = await transport.subscribe(['broken', topic], receive, { group: 'g', from: 'latest' });
    await raw.deleteQueue(queue);
    await eventually(() => assert.match(first.health().reasons.join(), /does not exist/));
    const second = await join(topic);
    await eventually(() => assert.equal(second.assignments.length, 2));
    await eventually(() => assert.deepEqual(second.health(), ready));
  });

  it('P5: try again only now and then to consume a queue that the broker does not let them consume, and say why', async () => {
    const [queue, deadTopic] = [rabbit.name('theirs'), rabbit.name('dead')];
    await raw.assertQueue(queue);
    const { consumerTag } = await raw.consume(queue, () => {}, { exclusive: true });
    let tries = 0;
    const counting = watchedConnect(rabbit.url, (channel) => {
      const consume = channel.consume.bind(channel);
      channel.consume = (...args) => {
        tries++;
        return consume(...args);
      };
    });
    const adopt = { queue, deadTopic, singleActiveConsumer: true };
    const transport = rabbit.open({ connect: counting, topics: { orders: { adopt } } });
    const subscription = await transport.subscribe(['orders'], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.match(subscription.health().reasons.join(), /exclusive/));
    tries = 0;
    await sleep(1_000);
    assert.ok(tries < 5, `${tries} tries in a second`);
    await raw.cancel(consumerTag);
    await eventually(() => assert.deepEqual(subscription.health(), ready));
  });

  it('P5: leave nothing behind by looking after their partitions', async () => {
    const topic = rabbit.name('topic');
    const subscription = await rabbit
      .open({ balanceMs: 10 })
      .subscribe([topic], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.deepEqual(subscription.health(), ready));
    const before = queryObjects(Promise, { format: 'count' });
    await sleep(2_000);
    const more = queryObjects(Promise, { format: 'count' }) - before;
    assert.ok(more < 50, `${more} promises more`);
  });

  it('P2: hand back only what is not settled', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    let settled = 0;
    const holding: Receive = async ({ message: { id } }) => {
      if (id === 'held') return { outcome: 'retry', delayMs: 600_000, spent: true };
      settled++;
      return ack;
    };
    const subscription = await transport.subscribe([topic], holding, { group: 'g', from: 'latest' });
    await transport.publish(topic, [messageOf('held', 'k'), ...['a', 'b', 'c', 'd'].map((id) => messageOf(id))]);
    await eventually(() => assert.equal(settled, 4));
    await subscription.close();
    await eventually(async () => assert.equal((await raw.checkQueue(`${topic}/g/0`)).messageCount, 1));
  });
});
