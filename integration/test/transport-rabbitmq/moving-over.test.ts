import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, type Receive } from '@holdfast/core';
import type { ConfirmChannel } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

const keys = ['a', 'b', 'c', 'd'];

/** Who has handled what, in the order of the first deliveries of each key. */
const createRecord = () => {
  const firsts = new Map<string, number[]>(keys.map((key) => [key, []]));
  const seen = new Set<string>();
  const by = new Map<string, number>();
  return {
    note: (who: string, id: string): void => {
      const [key = '', n = ''] = id.split('-');
      if (!seen.has(id)) firsts.get(key)?.push(Number(n));
      seen.add(id);
      by.set(who, (by.get(who) ?? 0) + 1);
    },
    handled: (who: string): number => by.get(who) ?? 0,
    check: (each: number): void => {
      for (const key of keys) {
        assert.deepEqual(
          firsts.get(key),
          Array.from({ length: each }, (_, n) => n),
          `key ${key}`,
        );
      }
    },
  };
};

describe('moving a queue over from plain amqplib and back', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  after(() => rabbit.close());

  /** A consumer as people write them: one at a time, an ack each. Ends like a process does: its channel closes. */
  const plain = async (queue: string, note: (id: string) => void): Promise<ConfirmChannel> => {
    const channel = await rabbit.raw();
    await channel.prefetch(10);
    let last = Promise.resolve();
    await channel.consume(queue, (message) => {
      if (message === null) return;
      last = last.then(async () => {
        await sleep(1);
        try {
          note(String(message.properties.messageId));
          channel.ack(message);
        } catch {
          // The channel has closed: the message comes again.
        }
      });
    });
    return channel;
  };

  const publishUntilStopped = async (publish: (key: string, n: number) => Promise<void>, stopped: () => boolean) => {
    let n = 0;
    for (; !stopped(); n++) {
      await Promise.all(keys.map((key) => publish(key, n)));
      await sleep(2);
    }
    return n;
  };

  it('P2, P3: under load, nothing is lost and the order of each key is as before', async () => {
    const queue = rabbit.name('billing.orders');
    const producer = await rabbit.raw();
    await producer.assertQueue(queue, { durable: true, arguments: { 'x-single-active-consumer': true } });
    const record = createRecord();
    let stopped = false;
    const publishing = publishUntilStopped(
      (key, n) =>
        new Promise((resolve, reject) => {
          producer.sendToQueue(
            queue,
            Buffer.from('{}'),
            { messageId: `${key}-${n}`, persistent: true, headers: { 'holdfast-key': key } },
            (error) => (error ? reject(error) : resolve()),
          );
        }),
      () => stopped,
    );
    const first = await plain(queue, (id) => record.note('plain', id));
    await eventually(() => assert.ok(record.handled('plain') > 40));

    const transport = rabbit.open({
      topics: { orders: { adopt: { queue, singleActiveConsumer: true, deadTopic: rabbit.name('dead') } } },
    });
    const receive: Receive = async ({ message: { id } }) => {
      record.note('ours', id);
      return ack;
    };
    // Ours waits in line behind theirs, which then goes.
    await transport.subscribe(['orders'], receive, { group: 'billing', from: 'latest' });
    await first.close();
    await eventually(() => assert.ok(record.handled('ours') > 40));

    const before = record.handled('plain');
    await plain(queue, (id) => record.note('plain', id));
    await transport.close();
    await eventually(() => assert.ok(record.handled('plain') > before + 40));
    stopped = true;
    const each = await publishing;
    await eventually(() => record.check(each));
  });

  it('P3: a plain consumer of a queue of ours keeps it until it goes; ours takes over then', async () => {
    const topic = rabbit.name('orders');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 2, groups: { billing: 'latest' } } } });
    const record = createRecord();
    const channels = [
      await plain(`${topic}/billing/0`, (id) => record.note('plain', id)),
      await plain(`${topic}/billing/1`, (id) => record.note('plain', id)),
    ];
    const receive: Receive = async ({ message: { id } }) => {
      record.note('ours', id);
      return ack;
    };
    const subscription = await transport.subscribe([topic], receive, { group: 'billing', from: 'latest' });
    let stopped = false;
    const publishing = publishUntilStopped(
      (key, n) => transport.publish(topic, [messageOf(`${key}-${n}`, key)]),
      () => stopped,
    );
    await eventually(() => assert.ok(record.handled('plain') > 40));
    assert.deepEqual(subscription.assignments, []);
    for (const channel of channels) await channel.close();
    await eventually(() => assert.ok(record.handled('ours') > 40));
    stopped = true;
    const each = await publishing;
    await eventually(() => record.check(each));
  });
});
