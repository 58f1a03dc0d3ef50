import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { eventually, localRedisSentinels, type SentinelRedis } from '../../harness/index.ts';
import { startLoad } from './load.ts';
import { openTestStreams, type TestStreams } from './test-streams.ts';

const ready = { live: true, ready: true, reasons: [] };

describe('streams on a primary that sentinels choose', function () {
  this.timeout(120_000);
  let world: SentinelRedis;
  let streams: TestStreams;
  before(async () => {
    world = await localRedisSentinels({ config: { appendonly: 'yes', appendfsync: 'always' } });
    streams = openTestStreams(world.servers[0]);
  });
  after(async () => {
    await streams?.close();
    await world?.close();
  });

  // Each kills who is the primary then, and has it come back as the replica.
  for (const [client, create] of [
    ['ioredis 6', () => new Redis({ sentinels: [...world.sentinels], name: world.name, lazyConnect: true })],
    ['ioredis 5', () => new Redis5({ sentinels: [...world.sentinels], name: world.name, lazyConnect: true })],
  ] as const) {
    it(`P1, P2: what a replica has confirmed survives the loss of the primary under load, in order, with ${client}`, async () => {
      const topic = `orders-${client.at(-1)}`;
      const common = { commandTimeoutMs: 2_000, leaseMs: 3_000 };
      const publisher = streams.open({ ...common, client: create(), confirmations: { replicas: 1 } });
      const consumer = streams.open({ ...common, client: create() });
      await publisher.topology.apply({ topics: { [topic]: { partitions: 4 } } });
      const load = startLoad(publisher, topic);
      const subscription = await consumer.subscribe([topic], load.receive, { group: 'g', from: 'earliest' });
      await eventually(() => assert.ok(load.seen > 200));

      const port = await world.primaryPort();
      const primary = world.servers.find(({ url }) => url.endsWith(`:${port}`));
      assert.ok(primary !== undefined, `port ${port} is neither's`);
      await primary.stop('kill');
      await eventually(() => assert.equal(subscription.health().ready, false));
      await eventually(async () => assert.notEqual(await world.primaryPort(), port), { timeoutMs: 30_000 });
      await eventually(() => assert.deepEqual(subscription.health(), ready), { timeoutMs: 20_000 });
      // Nothing is confirmed until there is a replica again.
      await primary.start();
      const before = load.seen;
      await eventually(() => assert.ok(load.seen > before + 200), { timeoutMs: 60_000 });
      await load.finish();
      await eventually(() => assert.deepEqual(subscription.health(), ready));
      await Promise.all([publisher.close(), consumer.close()]);
    });
  }
});
