import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { ack, createRuntime, type Receive, silentLog } from '@holdfast/core';
import type { RawMessage } from '@holdfast/transport-rabbitmq';
import type { ConfirmChannel } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { openTestRabbit, type TestRabbit } from './test-rabbit.ts';

const deliveryLimit = 3;

describe('an adopted queue with a delivery limit', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let raw: ConfirmChannel;
  before(async () => {
    rabbit = await openTestRabbit();
    raw = await rabbit.raw();
  });
  after(() => rabbit.close());

  const makeQueue = async (more: object = {}): Promise<string> => {
    const queue = rabbit.name('limited');
    const limited = { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit };
    await raw.assertQueue(queue, { durable: true, arguments: { ...limited, ...more } });
    return queue;
  };

  const fill = async (queue: string, from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) {
      raw.sendToQueue(queue, Buffer.from('{}'), { messageId: `m${n}`, type: 't', persistent: true });
    }
    await raw.waitForConfirms();
  };

  const idsTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

  it('P2: loses nothing over more closes than its limit, and hands nothing back that it had been given', async () => {
    const queue = await makeQueue();
    const came: string[] = [];
    const redelivered: unknown[] = [];
    const read = ({ fields, message }: RawMessage) => {
      if (fields.redelivered) redelivered.push(message.id);
      return {};
    };
    const receive: Receive = async ({ message: { id } }) => {
      await setTimeout(5);
      came.push(id);
      return ack;
    };
    const transport = rabbit.open({ topics: { orders: { adopt: { queue, deadTopic: rabbit.name('dead'), read } } } });
    for (let close = 1; close <= deliveryLimit + 2; close++) {
      await fill(queue, 10 * (close - 1), 10 * close);
      const group = { group: 'g', from: 'latest', ordering: 'none', concurrency: 1 } as const;
      const subscription = await transport.subscribe(['orders'], receive, group);
      await eventually(() => assert.ok(came.length > 10 * (close - 1)));
      await subscription.close();
      assert.deepEqual(came, idsTo(10 * close));
    }
    assert.deepEqual(redelivered, []);
    assert.equal((await raw.checkQueue(queue)).messageCount, 0);
  });

  it('P2: what a close had to leave comes to the next subscription', async () => {
    const queue = await makeQueue();
    await fill(queue, 0, 10);
    const transport = rabbit.open({ topics: { orders: { adopt: { queue, deadTopic: rabbit.name('dead') } } } });
    const group = { group: 'g', from: 'latest', ordering: 'none', concurrency: 1 } as const;
    const started = Promise.withResolvers<void>();
    const hanging: Receive = () => {
      started.resolve();
      return new Promise(() => {});
    };
    const first = await transport.subscribe(['orders'], hanging, group);
    await started.promise;
    await first.close({ deadlineMs: 200 });
    const came: string[] = [];
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      return ack;
    };
    await transport.subscribe(['orders'], receive, group);
    await eventually(() => assert.deepEqual(came, idsTo(10)));
  });

  it('P7: does not have a close wait for a retry', async () => {
    const queue = await makeQueue();
    await fill(queue, 0, 3);
    const transport = rabbit.open({ topics: { orders: { adopt: { queue, deadTopic: rabbit.name('dead') } } } });
    const came: string[] = [];
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      return id === 'm0' ? { outcome: 'retry', delayMs: 60_000, spent: true } : ack;
    };
    const group = { group: 'g', from: 'latest', ordering: 'none' } as const;
    const subscription = await transport.subscribe(['orders'], receive, group);
    await eventually(() => assert.equal(came.length, 3));
    const startedAt = performance.now();
    await subscription.close();
    assert.ok(performance.now() - startedAt < 4_000);
    await eventually(async () => assert.equal((await raw.checkQueue(queue)).messageCount, 1));
  });

  it('P2, P3: a single active consumer that closes works off what it has before the next one begins', async () => {
    const queue = await makeQueue({ 'x-single-active-consumer': true });
    await fill(queue, 0, 40);
    const came: string[] = [];
    const redelivered: unknown[] = [];
    const read = ({ fields, message }: RawMessage) => {
      if (fields.redelivered) redelivered.push(message.id);
      return { key: 'k' };
    };
    const receive: Receive = async ({ message: { id } }) => {
      await setTimeout(5);
      came.push(id);
      return ack;
    };
    const adopt = { queue, deadTopic: rabbit.name('dead'), read, singleActiveConsumer: true };
    const group = { group: 'g', from: 'latest', maxInFlight: 8 } as const;
    const open = () => rabbit.open({ topics: { orders: { adopt } } }).subscribe(['orders'], receive, group);
    const [first, second] = [await open(), await open()];
    await eventually(() => assert.ok(came.length > 3));
    await first.close();
    await eventually(() => assert.equal(came.length, 40));
    assert.deepEqual(came, idsTo(40));
    assert.deepEqual(redelivered, []);
    await second.close();
  });

  it('P9: crashes that use the limit up are warned of', async () => {
    const queue = await makeQueue();
    await fill(queue, 0, 3);
    for (let crash = 0; crash < 2; crash++) {
      const crashing = await rabbit.raw();
      let given = 0;
      await crashing.consume(queue, () => given++);
      await eventually(() => assert.equal(given, 3));
      await crashing.close();
    }
    const warned: unknown[] = [];
    const warn = (fields: object, text?: string): void => {
      if (/handed back again and again/.test(text ?? '')) warned.push(fields);
    };
    const adopt = { queue, deadTopic: rabbit.name('dead'), deliveryLimit };
    const transport = rabbit.open({
      topics: { orders: { adopt } },
      runtime: createRuntime({ log: { ...silentLog, warn } }),
    });
    const came: string[] = [];
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      return ack;
    };
    await transport.subscribe(['orders'], receive, { group: 'g', from: 'latest', ordering: 'none', concurrency: 1 });
    await eventually(() => assert.deepEqual(came, idsTo(3)));
    assert.deepEqual(warned, [{ topic: 'orders', group: 'g', queue, id: 'm0', handedBack: 2, deliveryLimit }]);
  });
});
