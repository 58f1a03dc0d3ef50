import { idempotencySuite } from '@holdfast/conformance';
import { type RedisClient, redisIdempotencyStore } from '@holdfast/idempotency-redis';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5';
import { localRedisCluster, type RedisCluster, sharedRedis } from '../../harness/index.ts';
import { someOf } from './some-of.ts';

/** What depends on how the driver sends scripts and gives their replies. */
const titles = [
  'V15: of fifty claims at once one wins, through two handles, in one call and in fifty',
  'a call with many keys answers each by itself, in order',
  'V15: a claim whose lease is over goes to the next, with a higher token; its late owner can do nothing any more',
  'V15: a result is given back as it was, to every later claim, and stays as it is',
  'keys are taken as they are',
  'many claims and ends at once share the way to the store, and none is mistaken for another',
];

type Disconnecting = RedisClient & { disconnect(): void };

const suiteWith = (name: string, open: () => Disconnecting, mochaLike = someOf(titles)): void => {
  describe(`over ${name}`, () => {
    const clients: Disconnecting[] = [];
    before(() => {
      clients.push(open(), open());
    });
    after(() => {
      for (const client of clients) client.disconnect();
    });
    let handles = 0;
    const create = () => {
      const client = clients[handles++ % clients.length];
      if (client === undefined) throw new Error('the clients are opened before the tests');
      return redisIdempotencyStore({ client, prefix: 'suite:' });
    };
    idempotencySuite({ name, create }, mochaLike);
  });
};

describe('idempotency keys in Redis', () => {
  let url: string;
  before(async () => {
    ({ url } = await sharedRedis());
  });
  suiteWith('ioredis 6', () => new Redis(url), { describe, it, afterEach });
  suiteWith('ioredis 6 with pipelines of its own and a prefix', () => {
    return new Redis(url, { enableAutoPipelining: true, keyPrefix: 'app:' });
  });
  suiteWith('ioredis 5', () => new Redis5(url));
});

describe('idempotency keys in a cluster of three masters', () => {
  let cluster: RedisCluster;
  before(async function () {
    this.timeout(60_000);
    cluster = await localRedisCluster();
  });
  after(() => cluster.close());
  suiteWith('ioredis 6', () => new Cluster([...cluster.nodes]));
  suiteWith('ioredis 5', () => new Cluster5([...cluster.nodes]));
});
