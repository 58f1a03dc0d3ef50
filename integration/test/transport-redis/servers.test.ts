import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError } from '@holdfast/core';
import { redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import {
  eventually,
  freePort,
  hostFromContainers,
  ownRedis,
  type RedisServer,
  sharedRedis,
} from '../../harness/index.ts';
import { messageOf, messagesOf, openTestStreams } from './test-streams.ts';

/** Runs on a Redis of one's own with these settings. */
const on = async (
  config: Readonly<Record<string, string>>,
  run: (server: RedisServer) => Promise<void>,
): Promise<void> => {
  const server = await ownRedis({ config });
  try {
    await run(server);
  } finally {
    await server.close();
  }
};

/** Where another server reaches it. */
const hostFor = ({ way, url }: RedisServer): string =>
  way === 'testcontainers' ? hostFromContainers : new URL(url).hostname;

const codeOf = (error: unknown): string => (isHoldfastError(error) ? error.code : String(error));

describe('transport-redis and its server', () => {
  it('P9: wrong credentials are one clear error, at once, from publish and from subscribe', async () => {
    const { url } = await sharedRedis();
    const redis = new Redis(url);
    const user = `u${crypto.randomUUID()}`;
    await redis.call('ACL', 'SETUSER', user, 'on', '>right', '~*', '&*', '+@all');
    const streams = openTestStreams({ url });
    const wrong = streams.open({ url: url.replace('redis://', `redis://${user}:wrong@`) });
    const started = performance.now();
    const error = await wrong.publish('t', [messageOf('a')]).catch((reason: unknown) => reason);
    assert.ok(error instanceof PublishError && !error.retryable);
    assert.equal(codeOf(error.cause), 'redis_refused');
    assert.match(error.message, /WRONGPASS/);
    await assert.rejects(
      wrong.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' }),
      (reason) => codeOf(reason) === 'redis_refused',
    );
    assert.ok(performance.now() - started < 2_000, 'it tried for long');
    await streams.close();
    await redis.call('ACL', 'DELUSER', user);
    await redis.quit();
  });

  it('P6: a subscription whose user is shut out ends with the reason', async () => {
    const { url } = await sharedRedis();
    const redis = new Redis(url);
    const user = `u${crypto.randomUUID()}`;
    await redis.call('ACL', 'SETUSER', user, 'on', '>right', '~*', '&*', '+@all');
    const streams = openTestStreams({ url });
    const transport = streams.open({ url: url.replace('redis://', `redis://${user}:right@`), leaseMs: 1_000 });
    const subscription = await transport.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' });
    await redis.call('ACL', 'SETUSER', user, 'off');
    await redis.call('CLIENT', 'KILL', 'USER', user);
    await assert.rejects(subscription.closed, (reason) => codeOf(reason) === 'redis_refused');
    assert.equal(subscription.health().live, false);
    await streams.close();
    await redis.call('ACL', 'DELUSER', user);
    await redis.quit();
  });

  it('P8: a handler slower than the lease keeps its partition and its order, and runs once', async () => {
    const streams = openTestStreams(await sharedRedis());
    const transport = streams.open({ leaseMs: 500, commandTimeoutMs: 400 });
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    const runs: string[] = [];
    const subscription = await transport.subscribe(
      ['t'],
      async ({ message, signal }) => {
        runs.push(message.id);
        if (message.id === 'slow') await new Promise((resolve) => setTimeout(resolve, 2_000));
        assert.equal(signal.aborted, false);
        return ack;
      },
      { group: 'g', from: 'earliest' },
    );
    await eventually(() => assert.equal(subscription.assignments.length, 1));
    const [claim] = subscription.assignments;
    // Somebody else of the group would take over what is not renewed.
    await streams.open({ leaseMs: 500 }).subscribe(['t'], async () => ack, { group: 'g', from: 'earliest' });
    await transport.publish('t', [messageOf('slow', 'k'), messageOf('next', 'k'), messageOf('other', 'l')]);
    await eventually(() => assert.deepEqual(runs, ['slow', 'other', 'next']));
    assert.deepEqual(subscription.assignments, [claim]);
    await streams.close();
  });

  it('P1: a body above the limit of the server fails, and not what comes after it', () =>
    on({}, async (server) => {
      const streams = openTestStreams(server);
      const transport = streams.open({ maxBodyBytes: 4_000_000 });
      await transport.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'earliest' } } } });
      await streams.redis.config('SET', 'proto-max-bulk-len', 1_048_576);
      await assert.rejects(
        streams.open({ maxBodyBytes: 4_000_000 }).subscribe(['t'], async () => ack, { group: 'g', from: 'latest' }),
        (reason) => codeOf(reason) === 'unsuitable_server' && /proto-max-bulk-len is 1048576/.test(String(reason)),
      );
      // A transport that found it high enough when it began.
      const error = await transport
        .publish('t', [messageOf('large', 'k', 'x'.repeat(2_000_000))])
        .catch((reason: unknown) => reason);
      assert.ok(error instanceof PublishError);
      // The server says why and ends the connection; while it is being sent the rest, the end may overtake the reason.
      assert.match(error.message, /invalid bulk length|proto-max-bulk-len|the connection to Redis ended/);
      // What else is caught by that is not known to be stored.
      await eventually(() => transport.publish('t', [messageOf('small', 'k')]));
      const stored = await streams.redis.xrange(streams.stream('t', 0), '-', '+');
      assert.deepEqual([...new Set(stored.map(([, fields]) => fields[1]))], ['small']);
      await streams.close();
    }));

  it('P5: refuses a server that would evict streams, and survives one whose memory is full', () =>
    on({ maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' }, async (server) => {
      const streams = openTestStreams(server);
      const refused = streams.open();
      await assert.rejects(
        refused.subscribe(['t'], async () => ack, { group: 'g', from: 'latest' }),
        (reason) => codeOf(reason) === 'unsuitable_server' && /allkeys-lru/.test(String(reason)),
      );
      await streams.redis.config('SET', 'maxmemory-policy', 'noeviction');
      const transport = streams.open();
      await transport.topology.apply({ topics: { t: { partitions: 2, groups: { g: 'earliest' } } } });
      await transport.publish('t', messagesOf(20, 5));
      await streams.redis.config('SET', 'maxmemory', '1mb');
      const error = await transport.publish('t', [messageOf('x', 'x')]).catch((reason: unknown) => reason);
      assert.ok(error instanceof PublishError && error.retryable);
      assert.match(error.message, /OOM/);
      assert.equal(error.outcomes[0]?.outcome, 'failed');
      // Consuming goes on: it is what frees memory.
      const seen: string[] = [];
      await transport.subscribe(
        ['t'],
        async ({ message }) => {
          seen.push(message.id);
          return ack;
        },
        { group: 'g', from: 'earliest' },
      );
      await eventually(() => assert.equal(seen.length, 20));
      await eventually(async () =>
        assert.deepEqual((await transport.topology.describe('t')).groups, [{ group: 'g', lag: 0 }]),
      );
      await streams.redis.config('SET', 'maxmemory', '64mb');
      await transport.publish('t', [messageOf('x', 'x')]);
      await eventually(() => assert.equal(seen.length, 21));
      await streams.close();
    }));

  it('P1: refuses to be durable without an append-only file, and reports what too few replicas have', () =>
    on({}, async (server) => {
      const streams = openTestStreams(server);
      await assert.rejects(
        streams.open({ durable: true }).topology.describe('t'),
        (reason) => codeOf(reason) === 'unsuitable_server' && /appendonly/.test(String(reason)),
      );
      const transport = streams.open({ confirmations: { replicas: 1, timeoutMs: 50 } });
      await transport.topology.apply({ topics: { t: { partitions: 1 } } });
      const error = await transport.publish('t', [messageOf('a')]).catch((reason: unknown) => reason);
      assert.ok(error instanceof PublishError);
      assert.equal(error.outcomes[0]?.outcome, 'unknown');
      assert.equal(codeOf(error.cause), 'not_replicated');
      await streams.close();
    }));

  it('P1: waits for the append-only file of a server that has WAITAOF, and refuses an older one by name', () =>
    on({ appendonly: 'yes' }, async (server) => {
      const streams = openTestStreams(server);
      const transport = streams.open({ confirmations: { file: true } });
      const published = transport.topology
        .apply({ topics: { t: { partitions: 1 } } })
        .then(() => transport.publish('t', [messageOf('a')]));
      if (Number.parseFloat(server.version) >= 7.2) await published;
      else await assert.rejects(published, (error) => codeOf(error) === 'unsuitable_server' && /7\.2/.test(`${error}`));
      await streams.close();
    }));

  it('P1: waits for a replica that there is', () =>
    on({ 'repl-diskless-sync-delay': '0' }, async (primary) =>
      on({ replicaof: `${hostFor(primary)} ${new URL(primary.url).port}` }, async (replica) => {
        const streams = openTestStreams(primary);
        const copy = new Redis(replica.url);
        await eventually(async () => assert.match(await copy.info('replication'), /master_link_status:up/));
        const transport = streams.open({ confirmations: { replicas: 1, timeoutMs: 5_000 } });
        await transport.topology.apply({ topics: { t: { partitions: 1 } } });
        await transport.publish('t', [messageOf('a')]);
        assert.equal(await copy.xlen(streams.stream('t', 0)), 1);
        // The replica refuses writes: nothing is taken for sent.
        const misled = redisTransport({
          url: replica.url,
          prefix: streams.prefix,
          runtime: streams.runtime,
          commandTimeoutMs: 500,
        });
        const error = await misled.publish('t', [messageOf('b')]).catch((reason: unknown) => reason);
        assert.ok(error instanceof PublishError && /READONLY/.test(error.message), String(error));
        assert.equal(error.outcomes[0]?.outcome, 'failed');
        await misled.close();
        copy.disconnect();
        await streams.close();
      }),
    ));

  it('works on a server in cluster mode, whose every script has its keys in one slot', async () =>
    // By default the bus has the port above by 10,000, which may be above all ports.
    on({ 'cluster-enabled': 'yes', 'cluster-port': `${await freePort()}` }, async (server) => {
      const streams = openTestStreams(server);
      await streams.redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
      await eventually(async () =>
        assert.match(String(await streams.redis.call('CLUSTER', 'INFO')), /cluster_state:ok/),
      );
      const transport = streams.open();
      await transport.topology.apply({ topics: { 'a{b}c': { partitions: 3, groups: { g: 'earliest' } } } });
      await transport.topology.seek('a{b}c', 'g', 'latest');
      const seen: string[] = [];
      const subscription = await transport.subscribe(
        ['a{b}c'],
        async ({ message }) => {
          seen.push(message.id);
          return ack;
        },
        { group: 'g', from: 'earliest' },
      );
      await eventually(() => assert.equal(subscription.assignments.length, 3));
      await transport.publish('a{b}c', messagesOf(30, 10));
      await eventually(() => assert.equal(seen.length, 30));
      await streams.close();
    }));

  const settings = { keyPrefix: 'app:', db: 3, lazyConnect: true };
  const clients = {
    5: (url: string) => new Redis5(url, settings),
    6: (url: string) => new Redis(url, settings),
  };
  for (const [name, create] of Object.entries(clients)) {
    it(`takes a client of ioredis ${name}, whatever its settings, and leaves it alone`, async () => {
      const server = await sharedRedis();
      const streams = openTestStreams(server);
      const client = create(server.url);
      const transport = streams.open({ client });
      await transport.topology.apply({ topics: { t: { partitions: 2 } } });
      const seen: string[] = [];
      const subscription = await transport.subscribe(
        ['t'],
        async ({ message }) => {
          seen.push(message.id);
          return ack;
        },
        { group: 'g', from: 'latest' },
      );
      await transport.publish('t', messagesOf(20, 5));
      await eventually(() => assert.equal(seen.length, 20, streams.complaints.join()));
      await eventually(async () =>
        assert.deepEqual((await transport.topology.describe('t')).groups, [{ group: 'g', lag: 0 }]),
      );
      await subscription.close();
      await transport.topology.seek('t', 'g', 'earliest');
      await transport.close();
      assert.equal(client.status, 'wait', 'it was connected');
      await streams.close();
    });
  }
});
