import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { ack, createRuntime, type Receive, type SubscribeOptions } from '@holdfast/core';
import type { RabbitmqTransportOptions } from '@holdfast/transport-rabbitmq';
import { eventually, ownRabbitmq, type RabbitmqServer } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

const consumerTimeoutMs = 2_000;

describe("messages that would be unacked for longer than RabbitMQ's consumer timeout", function () {
  this.timeout(60_000);
  let server: RabbitmqServer;
  let rabbit: TestRabbit;
  before(async () => {
    server = await ownRabbitmq({ config: { consumer_timeout: String(consumerTimeoutMs) } });
    rabbit = await openTestRabbit(server);
  });
  after(async () => {
    await rabbit.close();
    await server.close();
  });

  /** A transport that knows the timeout, with what it has logged. */
  const open = (options: Partial<RabbitmqTransportOptions> = {}) => {
    const logged: string[] = [];
    const log = (level: string) => (_fields: object, text?: string) => void logged.push(`${level}: ${text}`);
    const runtime = createRuntime({
      log: { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') },
    });
    const transport = rabbit.open({ ...options, consumerTimeoutMs, runtime });
    return { transport, logged };
  };

  const watched = () => {
    const told: string[] = [];
    const options: SubscribeOptions = {
      ...{ group: 'g', from: 'latest' },
      onAssigned: () => void told.push('assigned'),
      onRevoked: () => void told.push('revoked'),
    };
    return { told, options };
  };

  const handedBack = (logged: readonly string[]) =>
    logged.filter((text) => text.startsWith('info: handed messages back'));
  const wrong = (logged: readonly string[]) => logged.filter((text) => !text.startsWith('info: '));

  it('P3: are handed back while paused, keep their order, and nothing is lost of the partition', async () => {
    const { transport, logged } = open();
    await transport.topology.apply({ topics: { paused: { partitions: 1, groups: { g: 'latest' } } } });
    const { told, options } = watched();
    const came: string[] = [];
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      return ack;
    };
    const subscription = await transport.subscribe(['paused'], receive, options);
    await eventually(() => assert.equal(subscription.assignments.length, 1));
    const raw = await rabbit.raw();
    for (let pause = 1; pause <= 2; pause++) {
      subscription.pause('breaker');
      await transport.publish('paused', [messageOf(`a${pause}`, 'k'), messageOf(`b${pause}`, 'k')]);
      await eventually(async () => {
        assert.equal((await raw.checkQueue('paused/g/0')).messageCount, 2);
        assert.equal(handedBack(logged).length, pause);
      });
      await setTimeout(2 * consumerTimeoutMs);
      assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: ['paused: breaker'] });
      assert.equal(subscription.assignments.length, 1);
      subscription.resume('breaker');
      await eventually(() => assert.equal(came.length, 2 * pause));
    }
    assert.deepEqual(came, ['a1', 'b1', 'a2', 'b2']);
    assert.deepEqual(told, ['assigned']);
    assert.deepEqual(wrong(logged), []);
  });

  it('P2: are handed back once in a pause, and so counted once, on an adopted queue', async () => {
    const raw = await rabbit.raw();
    const queue = rabbit.name('theirs');
    await raw.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 } });
    const { transport, logged } = open({ topics: { orders: { adopt: { queue, deadTopic: rabbit.name('dead') } } } });
    const { told, options } = watched();
    const came: string[] = [];
    const receive: Receive = async ({ message: { id } }) => {
      came.push(id);
      return ack;
    };
    const subscription = await transport.subscribe(['orders'], receive, { ...options, ordering: 'none' });
    subscription.pause('breaker');
    raw.sendToQueue(queue, Buffer.from('{}'), { messageId: 'a', type: 't', persistent: true });
    await eventually(() => assert.equal(handedBack(logged).length, 1), { timeoutMs: 20_000 });
    await setTimeout(2 * consumerTimeoutMs);
    subscription.resume('breaker');
    await eventually(() => assert.deepEqual(came, ['a']));
    assert.deepEqual(told, ['assigned']);
    assert.deepEqual(wrong(logged), []);
  });

  it('P3, P8: are handed back while one is tried again and again, which goes on counting and waiting', async () => {
    const { transport, logged } = open();
    await transport.topology.apply({ topics: { retried: { partitions: 1, groups: { g: 'latest' } } } });
    const { told, options } = watched();
    const came: string[] = [];
    const triedAt: number[] = [];
    const delayMs = 700;
    const receive: Receive = async ({ message: { id }, attempt }) => {
      came.push(`${id} ${attempt}`);
      if (id !== 'a' || attempt === 5) return ack;
      triedAt.push(performance.now());
      return { outcome: 'retry', delayMs, spent: true };
    };
    await transport.subscribe(['retried'], receive, options);
    await transport.publish('retried', [messageOf('a', 'k'), messageOf('b', 'k')]);
    await eventually(() => assert.equal(came.at(-1), 'b 1'), { timeoutMs: 20_000 });
    assert.deepEqual(came, ['a 1', 'a 2', 'a 3', 'a 4', 'a 5', 'b 1']);
    for (const [n, at] of triedAt.slice(1).entries()) assert.ok(at - (triedAt[n] ?? 0) > delayMs - 5);
    assert.ok(handedBack(logged).length >= 1);
    assert.deepEqual(told, ['assigned']);
    assert.deepEqual(wrong(logged), []);
  });

  it('P2: are aborted with their handler in time, and come again', async () => {
    const { transport, logged } = open();
    await transport.topology.apply({ topics: { slow: { partitions: 1, groups: { g: 'latest' } } } });
    const { told, options } = watched();
    const came: string[] = [];
    const receive: Receive = async ({ message: { id }, signal }) => {
      came.push(id);
      if (came.length > 1) return ack;
      await setTimeout(60_000, undefined, { signal }).catch(() => {});
      return ack;
    };
    await transport.subscribe(['slow'], receive, options);
    await transport.publish('slow', [messageOf('a', 'k'), messageOf('b', 'k')]);
    await eventually(() => assert.deepEqual(came, ['a', 'a', 'b']), { timeoutMs: 20_000 });
    assert.deepEqual(told, ['assigned']);
    assert.equal(handedBack(logged).length, 1);
  });
});
