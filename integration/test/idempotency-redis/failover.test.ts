import assert from 'node:assert/strict';
import { isHoldfastError, silentLog } from '@holdfast/core';
import { createIdempotency } from '@holdfast/idempotency';
import { redisIdempotencyStore } from '@holdfast/idempotency-redis';
import { Redis } from 'ioredis';
import { localRedis } from '../../brokers/redis/local-redis.ts';
import { eventually, type RedisServer } from '../../harness/index.ts';

describe('idempotency keys when a replica takes over', function () {
  this.timeout(60_000);
  let primary: RedisServer;
  let replica: RedisServer;
  const clients: Redis[] = [];
  // Local whatever the others run in: the two must reach each other.
  before(async () => {
    primary = await localRedis({});
    replica = await localRedis({ config: { replicaof: `127.0.0.1 ${new URL(primary.url).port}` } });
  });
  after(async () => {
    for (const client of clients) client.disconnect();
    await Promise.all([primary.close(), replica.close()]);
  });

  const connect = (options: object = {}): Redis => {
    const client = new Redis({ host: '127.0.0.1', retryStrategy: () => 50, ...options });
    client.on('error', () => {});
    clients.push(client);
    return client;
  };

  it('V15, T76, F13: what the replica had received is known; what it had not is done again, and its late owner is told and refused', async () => {
    const portOf = ({ url }: RedisServer): number => Number(new URL(url).port);
    const toReplica = connect({ port: portOf(replica) });
    await eventually(async () => assert.match(await toReplica.info('replication'), /master_link_status:up/), {
      timeoutMs: 20_000,
    });
    // As a name does that the failover moves: each new connection asks where the primary is.
    let at = portOf(primary);
    const client = connect({ port: at });
    client.on('close', () => {
      client.options.port = at;
    });
    const runtime = { log: silentLog };
    const open = (over: Redis) =>
      createIdempotency({
        store: redisIdempotencyStore({ client: over, commandTimeoutMs: 500, runtime }),
        ...{ leaseMs: 3_000, runtime },
      });
    const idempotency = open(client);

    await idempotency.once('received', async () => 'before');
    const toPrimary = connect({ port: portOf(primary) });
    const offset = async (of: Redis, name: string) =>
      new RegExp(`^${name}:(\\d+)`, 'm').exec(await of.info('replication'))?.[1];
    await eventually(async () =>
      assert.equal(await offset(toReplica, 'slave_repl_offset'), await offset(toPrimary, 'master_repl_offset')),
    );
    // From here on it receives nothing.
    await toReplica.replicaof('NO', 'ONE');
    await idempotency.once('not received', async () => 'before');
    const gate = Promise.withResolvers<string>();
    const seen: { signal?: AbortSignal; token?: string } = {};
    const running = idempotency.once('under way', async (context) => {
      Object.assign(seen, context);
      return gate.promise;
    });
    running.catch(() => {});
    await eventually(() => assert.ok(seen.token));

    await primary.stop('kill');
    at = portOf(replica);

    await eventually(async () =>
      assert.equal((await idempotency.once('received', async () => '')).outcome, 'replayed'),
    );
    const again = await idempotency.once('not received', async ({ token }) => token);
    assert.equal(again.outcome, 'done', 'the last writes are gone');
    await eventually(() => assert.ok(seen.signal?.aborted), { timeoutMs: 5_000 });
    assert.ok(isHoldfastError(seen.signal?.reason, 'lease_lost'));
    const second = await open(connect({ port: at })).once('under way', async ({ token }) => token);
    assert.ok(BigInt(second.value) > BigInt(seen.token ?? ''), 'no token is given twice, also by another server');
    gate.resolve('late');
    await assert.rejects(running, (error) => isHoldfastError(error, 'lease_lost'));
  });
});
