import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError } from '@holdfast/core';
import { eventually, ownRedis, type RedisServer } from '../../harness/index.ts';
import { startLoad } from './load.ts';
import { messageOf, openTestStreams, type TestStreams } from './test-streams.ts';

describe('streams when their Redis goes away', function () {
  this.timeout(60_000);
  let server: RedisServer;
  let streams: TestStreams;
  before(async () => {
    server = await ownRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    streams = openTestStreams(server);
  });
  after(async () => {
    await streams.close();
    await server.close();
  });

  for (const mode of ['kill', 'fast'] as const) {
    it(`P2: nothing is lost and order holds when it is stopped (${mode}) under load and started again`, async () => {
      const topic = `orders-${mode}`;
      const [publisher, consumer] = [streams.open({ durable: true }), streams.open({ leaseMs: 2_000 })];
      await publisher.topology.apply({ topics: { [topic]: { partitions: 4 } } });
      const load = startLoad(publisher, topic);
      const subscription = await consumer.subscribe([topic], load.receive, {
        ...{ group: 'g', from: 'earliest', maxInFlight: 200 },
      });
      for (let round = 1; round <= 2; round++) {
        await eventually(() => assert.ok(load.seen > round * 300), { timeoutMs: 20_000 });
        await server.stop(mode);
        await server.start();
      }
      const before = load.seen;
      await eventually(() => assert.ok(load.seen > before + 300), { timeoutMs: 20_000 });
      await load.finish();
      await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
      await consumer.close();
    });
  }

  it('P6: is not ready while Redis is gone, says so, and closes all the same; a publish fails and was not sent', async () => {
    const transport = streams.open({ leaseMs: 1_000, commandTimeoutMs: 500 });
    const subscription = await transport.subscribe(['gone'], async () => ack, { group: 'g', from: 'latest' });
    await eventually(() => assert.equal(subscription.health().ready, true));
    await transport.publish('gone', [messageOf('before')]);
    await server.stop('fast');
    try {
      await eventually(() => assert.equal(subscription.health().ready, false));
      assert.equal(subscription.health().live, true);
      const error = await transport.publish('gone', [messageOf('x')]).catch((reason: unknown) => reason);
      assert.ok(error instanceof PublishError);
      assert.equal(error.outcomes[0]?.outcome, 'failed');
      assert.match(error.message, /no connection to Redis for 500 ms/);
      assert.equal(error.retryable, true);
      const started = performance.now();
      await transport.close({ deadlineMs: 1_500 });
      assert.ok(performance.now() - started < 2_500, 'close took longer than its deadline');
      await subscription.closed;
    } finally {
      await server.start();
    }
  });

  it('P7: close ends by its deadline while Redis answers nothing', async () => {
    const transport = streams.open();
    await transport.subscribe(['frozen'], async () => ack, { group: 'g', from: 'latest' });
    await server.pause();
    try {
      const published = transport.publish('frozen', [messageOf('x')]).catch((reason: unknown) => reason);
      const started = performance.now();
      await transport.close({ deadlineMs: 1_000 });
      assert.ok(performance.now() - started < 2_000, 'close took longer than its deadline');
      const error = await published;
      assert.ok(error instanceof PublishError);
      assert.equal(error.outcomes[0]?.outcome, 'unknown');
    } finally {
      await server.resume();
    }
  });

  it('P9: a subscription to a Redis that never comes is one named error, within the time that a command has', async () => {
    await server.stop('fast');
    const transport = streams.open({ commandTimeoutMs: 1_000 });
    const started = performance.now();
    await assert.rejects(
      transport.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' }),
      (error) => isHoldfastError(error, 'redis_offline') && error.retryable,
    );
    assert.ok(performance.now() - started < 3_000, 'it tried for long');
    await server.start();
  });

  it('P6: a server that would evict streams after its restart is an alarm, once', async () => {
    const evicting = await ownRedis({ config: { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' } });
    const own = openTestStreams(evicting);
    try {
      await own.redis.config('SET', 'maxmemory-policy', 'noeviction');
      const transport = own.open();
      await transport.topology.apply({ topics: { t: { partitions: 1 } } });
      await transport.publish('t', [messageOf('a')]);
      const alarms = (): number => own.complaints.filter((text) => /another server .*'allkeys-lru'/.test(text)).length;
      assert.equal(alarms(), 0);
      await evicting.stop('fast');
      await evicting.start();
      await eventually(() => transport.publish('t', [messageOf('b')]));
      await eventually(() => assert.equal(alarms(), 1));
      // Another connection to the same server.
      await own.redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await eventually(() => transport.publish('t', [messageOf('c')]));
      assert.equal(alarms(), 1);
      assert.equal(own.counts.get('holdfast.redis.unsuitable_server'), 1);
    } finally {
      await own.close();
      await evicting.close();
    }
  });

  it('waits for a Redis that is absent at the start, and begins when it is there', async () => {
    const transport = streams.open({ leaseMs: 1_000 });
    await server.stop('fast');
    const seen: string[] = [];
    const receive = async ({ message }: { message: { id: string } }) => {
      seen.push(message.id);
      return ack;
    };
    const subscribing = transport.subscribe(['late'], receive, { group: 'g', from: 'latest' });
    await server.start();
    await subscribing;
    await transport.publish('late', [messageOf('a')]);
    await eventually(() => assert.deepEqual(seen, ['a']));
  });
});
