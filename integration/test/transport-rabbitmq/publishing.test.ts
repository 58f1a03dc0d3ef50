import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, createRuntime, isHoldfastError, PublishError, type Receive, silentLog } from '@holdfast/core';
import { connect } from 'amqplib';
import { eventually, freePort, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

/** What became of a publish of one message: `ok`, or the code of what it failed with. */
const codeOf = (published: Promise<void>): Promise<string> =>
  published.then(
    () => 'ok',
    (error: unknown) => {
      assert.ok(error instanceof PublishError);
      const [{ outcome } = { outcome: 'none' }] = error.outcomes;
      return `${outcome} ${isHoldfastError(error.cause) ? error.cause.code : String(error.cause)}`;
    },
  );

describe('publishing to RabbitMQ', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let proxy: TcpProxy;
  before(async () => {
    rabbit = await openTestRabbit();
    proxy = await tcpProxy({ targetPort: Number(new URL(rabbit.url).port || 5672) });
  });
  afterEach(() => proxy.heal());
  after(async () => {
    await rabbit.close();
    await proxy.close();
  });

  it('P5: what waits to learn of its topic is bounded, ends in time, and can be given up', async () => {
    const url = `amqp://127.0.0.1:${await freePort()}`;
    const absent = rabbit.open({ url, connectTimeoutMs: 10_000, publishTimeoutMs: 700, maxQueued: 4 });
    const startedAt = performance.now();
    const waiting = ['a', 'b', 'c'].map((id) => codeOf(absent.publish('orders', [messageOf(id, id)])));
    const given = new AbortController();
    const aborted = absent.publish('orders', [messageOf('d', 'k')], { signal: given.signal });
    assert.equal(await codeOf(absent.publish('orders', [messageOf('e')])), 'failed publish_queue_full');
    given.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    // Its place is free again.
    waiting.push(codeOf(absent.publish('orders', [messageOf('f')])));
    assert.deepEqual([...new Set(await Promise.all(waiting))], ['failed publish_timeout']);
    assert.ok(performance.now() - startedAt < 5_000);
    const huge = Buffer.alloc(100_000_000);
    const large = rabbit.open({ url, maxBodyBytes: huge.length, publishTimeoutMs: 500 });
    const codes = await Promise.all(
      [1, 2, 3].map((n) => codeOf(large.publish('orders', [{ ...messageOf(`big${n}`), body: huge }]))),
    );
    assert.deepEqual(codes, ['failed publish_timeout', 'failed publish_timeout', 'failed publish_queue_full']);
  });

  it('P3: a publish that has to ask for its topic twice is not overtaken by one that asks once', async () => {
    const topic = rabbit.name('topic');
    await rabbit.open().topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    let channels = 0;
    const asked = Promise.withResolvers<void>();
    const transport = rabbit.open({
      connect: async () => {
        const connection = await connect(rabbit.url);
        const createConfirmChannel = connection.createConfirmChannel.bind(connection);
        connection.createConfirmChannel = async () => {
          // The first one is for publishing; the second, that reads about the topic, breaks.
          if (++channels !== 2) return createConfirmChannel();
          asked.resolve();
          throw new Error('the channel has gone');
        };
        return connection;
      },
    });
    const first = transport.publish(topic, [messageOf('a', 'k')]);
    await asked.promise;
    await sleep(10);
    await Promise.all([first, transport.publish(topic, [messageOf('b', 'k')])]);
    const came: string[] = [];
    const receive: Receive = async ({ message }) => {
      came.push(message.id);
      return ack;
    };
    await rabbit.open().subscribe([topic], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.deepEqual(came, ['a', 'b']));
  });

  it('P5: what was given up while there was no connection takes no room in the queue', async () => {
    const topic = rabbit.name('topic');
    const url = proxy.through(rabbit.url);
    const transport = rabbit.open({ url, publishTimeoutMs: 500, maxQueued: 5 });
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    await transport.publish(topic, [messageOf('before')]);
    proxy.inject({ fault: 'refuse' });
    proxy.cut();
    const codes = Array.from({ length: 5 }, (_, n) => codeOf(transport.publish(topic, [messageOf(`m${n}`)])));
    await Promise.all(codes);
    await eventually(async () => {
      assert.equal(await codeOf(transport.publish(topic, [messageOf('late', 'k')])), 'failed publish_timeout');
    });
    const next = Array.from({ length: 5 }, (_, n) => codeOf(transport.publish(topic, [messageOf(`n${n}`)])));
    assert.deepEqual([...new Set(await Promise.all(next))], ['failed publish_timeout']);
    proxy.heal();
    await eventually(async () => assert.equal(await codeOf(transport.publish(topic, [messageOf('after')])), 'ok'));
  });

  it('P1: a topic that nobody reads takes thousands at once', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open({ maxUnconfirmed: 3_000 });
    await transport.topology.apply({ topics: { [topic]: { partitions: 4 } } });
    const ids = Array.from({ length: 3_000 }, (_, n) => `m${n}`);
    await transport.publish(
      topic,
      ids.map((id) => messageOf(id)),
    );
  });

  it('P8: an exchange that we may not publish to fails its messages by name, and leaves the others alone', async () => {
    const raw = await rabbit.raw();
    const [exchange, topic] = [rabbit.name('closed'), rabbit.name('topic')];
    await raw.assertExchange(exchange, 'fanout', { internal: true });
    const transport = rabbit.open({ topics: { closed: { adopt: { exchange } } } });
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    assert.equal(await codeOf(transport.publish('closed', [messageOf('first')])), 'failed exchange_refused');
    const [refused, beside] = [new Set<string>(), new Set<string>()];
    for (let n = 0; n < 20; n++) {
      const both = [
        codeOf(transport.publish(topic, [messageOf(`a${n}`)])),
        codeOf(transport.publish('closed', [messageOf(`c${n}`)])),
      ] as const;
      beside.add(await both[0]);
      refused.add(await both[1]);
    }
    assert.deepEqual([...beside], ['ok']);
    assert.deepEqual([...refused], ['failed exchange_refused']);
  });

  it('P2, P5: a half-open connection without heartbeats is found out by what does not answer on it', async () => {
    const topic = rabbit.name('topic');
    const url = `${proxy.through(rabbit.url)}?heartbeat=0`;
    const transport = rabbit.open({ url, connectTimeoutMs: 700, publishTimeoutMs: 700 });
    await rabbit.open().topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    const came: string[] = [];
    const receive: Receive = async ({ message }) => {
      came.push(message.id);
      return ack;
    };
    await transport.subscribe([topic], receive, { group: 'g', from: 'latest' });
    await transport.publish(topic, [messageOf('before')]);
    await eventually(() => assert.deepEqual(came, ['before']));
    proxy.inject({ fault: 'half-open' });
    assert.equal(await codeOf(transport.publish(topic, [messageOf('lost')])), 'unknown publish_timeout');
    proxy.heal();
    await eventually(async () => assert.equal(await codeOf(transport.publish(topic, [messageOf('after')])), 'ok'), {
      timeoutMs: 15_000,
    });
    // RabbitMQ frees the lock of the dead connection only when it finds it dead itself: here, when its socket is reset.
    proxy.cut();
    await eventually(() => assert.ok(came.includes('after')), { timeoutMs: 15_000 });
  });

  it('P8: a dead letter is stored although its body is above what may be published', async () => {
    const raw = await rabbit.raw();
    const [queue, deadTopic] = [rabbit.name('theirs'), rabbit.name('dead')];
    await raw.assertQueue(queue);
    const adopt = { queue, deadTopic, singleActiveConsumer: true };
    const transport = rabbit.open({ maxBodyBytes: 1_000, topics: { orders: { adopt } } });
    raw.sendToQueue(queue, Buffer.alloc(5_000), { messageId: 'large', type: 't' });
    const receive: Receive = async () => ({ outcome: 'reject', reason: 'bad' });
    await transport.subscribe(['orders'], receive, { group: 'g', from: 'latest' });
    await eventually(async () => {
      assert.deepEqual((await transport.topology.describe(deadTopic)).groups, [{ group: 'unread', lag: 1 }]);
    });
    assert.equal(
      await codeOf(transport.publish(deadTopic, [{ ...messageOf('b'), body: Buffer.alloc(5_000) }])),
      'failed oversized_body',
    );
  });

  it('P9: says how many messages wait to be sent, whenever that changes', async () => {
    const said: number[] = [];
    const gauge = (name: string, value: number): void => {
      if (name === 'holdfast.rabbitmq.publish_queued') said.push(value);
    };
    const topic = rabbit.name('topic');
    const runtime = createRuntime({ log: silentLog, meter: { count: () => {}, record: () => {}, gauge } });
    const transport = rabbit.open({ maxUnconfirmed: 2, runtime });
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    await transport.publish(
      topic,
      Array.from({ length: 8 }, (_, n) => messageOf(`m${n}`)),
    );
    assert.ok(said.includes(6), said.join());
    assert.equal(said.at(-1), 0);
  });
});
