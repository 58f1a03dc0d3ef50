import assert from 'node:assert/strict';
import { Cluster } from 'ioredis';
import { eventually, localRedisCluster, type RedisCluster } from '../../harness/index.ts';
import { startLoad } from './load.ts';
import { openTestStreams, type TestStreams } from './test-streams.ts';

describe('streams on a cluster', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  let streams: TestStreams;
  before(async () => {
    cluster = await localRedisCluster();
    streams = openTestStreams({ url: `redis://127.0.0.1:${cluster.nodes[0]?.port}` });
  });
  after(async () => {
    await streams.close();
    await cluster.close();
  });

  it('P2: nothing is lost and order holds when one of its masters is killed under load and started again', async () => {
    const client = new Cluster([...cluster.nodes], { lazyConnect: true });
    const transport = streams.open({ client, leaseMs: 2_000, commandTimeoutMs: 1_000 });
    await transport.topology.apply({ topics: { orders: { partitions: 6 } } });
    const load = startLoad(transport, 'orders');
    const subscription = await transport.subscribe(['orders'], load.receive, { group: 'g', from: 'earliest' });
    await eventually(() => assert.ok(load.seen > 100));
    await cluster.servers[1]?.stop('kill');
    await eventually(() => assert.equal(subscription.health().ready, false));
    await cluster.servers[1]?.start();
    const before = load.seen;
    await eventually(() => assert.ok(load.seen > before + 100), { timeoutMs: 20_000 });
    await load.finish();
    await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
  });
});
