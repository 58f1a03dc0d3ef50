import { transportSuite } from '@holdfast/conformance';
import { type RedisClient, redisTransport } from '@holdfast/transport-redis';
import { Cluster } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { localRedisCluster, type RedisCluster, sharedRedis } from '../../harness/index.ts';
import { someOf } from './some-of.ts';

/** What depends on how the driver connects, replies and subscribes; the whole suite runs with ioredis 6 on one server. */
const titles = [
  'P1: a message comes as it was sent: id, type, key, headers, and empty, binary and unicode bodies',
  'P1: publishes of one partition are stored in the order of the calls, without waiting for one another',
  'P2: every group sees every message published after it was created',
  'P2: a slow early message is delivered again although later ones were acked',
  'P2: nothing is lost while one subscription after another takes a part and closes',
  'P3: the subscriptions of a group share the partitions evenly, each owned once',
  'P3: order holds through retries',
  'P3: order holds and nothing is lost while subscriptions join and leave under load',
  'P7: a transport that closes ends the publishes under way, and their outcomes are true',
  'P8: a rejected message goes to the dead topic with its reason and history, and leaves the group',
  'P9: describe counts what each group has not settled',
  'P9: seek moves a group to the earliest, to the latest, and to a position',
];

const capabilities = {
  ...{ durable: false, replay: true, seek: true, failsSuffix: true, balances: true },
  ...{ maxHoldMs: 3_600_000, maxBodyBytes: 1_048_576 },
};

/** Some of the suite with a client of that kind, of which the transport takes the settings. */
const suiteWith = (name: string, client: () => RedisClient): void =>
  transportSuite(
    { name, capabilities, create: (runtime) => redisTransport({ client: client(), runtime, leaseMs: 2_000 }) },
    someOf(titles),
  );

describe('transport-redis with ioredis 5', () => {
  let url: string;
  before(async () => {
    ({ url } = await sharedRedis());
  });
  suiteWith('redis', () => new Redis5(url, { lazyConnect: true }));
});

describe('transport-redis on a cluster of three masters', () => {
  let cluster: RedisCluster;
  before(async function () {
    this.timeout(60_000);
    cluster = await localRedisCluster();
  });
  after(() => cluster.close());
  const options = { lazyConnect: true };
  suiteWith('ioredis 6', () => new Cluster([...cluster.nodes], options));
  suiteWith('ioredis 5', () => new Cluster5([...cluster.nodes], options));
});
