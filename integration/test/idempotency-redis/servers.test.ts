import assert from 'node:assert/strict';
import { isHoldfastError, silentLog } from '@holdfast/core';
import { createIdempotency, type Idempotency } from '@holdfast/idempotency';
import { redisIdempotencyStore } from '@holdfast/idempotency-redis';
import { Redis } from 'ioredis';
import { eventually, ownRedis, type RedisServer } from '../../harness/index.ts';
import { beginWork } from '../idempotency/work-under-way.ts';

const coded = (code: string) => (error: unknown) => isHoldfastError(error, code);
const runtime = { log: silentLog };

describe('idempotency keys when their Redis fails', function () {
  this.timeout(60_000);
  let server: RedisServer;
  let clients: Redis[] = [];
  afterEach(async () => {
    for (const client of clients) client.disconnect();
    clients = [];
    await server.close();
  });

  const open = (url: string, leaseMs = 1_500): Idempotency => {
    const client = new Redis(url, { retryStrategy: () => 50 });
    client.on('error', () => {});
    clients.push(client);
    return createIdempotency({
      store: redisIdempotencyStore({ client, commandTimeoutMs: 400, runtime }),
      ...{ leaseMs, runtime },
    });
  };

  it('V15, F4: a server that is killed and keeps no file has forgotten every key; who works under one is told, and its end is refused', async () => {
    server = await ownRedis();
    const idempotency = open(server.url);
    await idempotency.once('done', async () => 'first');
    const { running, signal, end } = await beginWork(idempotency, 'claimed');
    await server.stop('kill');
    await assert.rejects(
      idempotency.once('while it is away', async () => assert.fail('it ran')),
      coded('idempotency_unavailable'),
    );
    await server.start();
    await eventually(async () => {
      const again = await idempotency.once('done', async () => 'second');
      assert.equal(again.outcome, 'done', 'the result is gone: the work is done again');
    });
    await eventually(() => assert.ok(signal.aborted), { timeoutMs: 8_000 });
    assert.ok(coded('lease_lost')(signal.reason));
    end('late');
    await assert.rejects(running, coded('lease_lost'));
  });

  it('V15, F4: a server that writes each command to its file has forgotten nothing; what was under way goes on', async () => {
    server = await ownRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
    const idempotency = open(server.url, 5_000);
    await idempotency.once('done', async () => 'first');
    const { running, signal, end } = await beginWork(idempotency, 'claimed');
    await server.stop('kill');
    await server.start();
    await eventually(async () => {
      assert.deepEqual(await idempotency.once('done', async () => 'second'), { outcome: 'replayed', value: 'first' });
    });
    await assert.rejects(
      open(server.url).once('claimed', async () => 'another'),
      coded('in_progress'),
    );
    assert.equal(signal.aborted, false);
    end('in time');
    assert.deepEqual(await running, { outcome: 'done', value: 'in time' });
  });

  it('V15, F6: a server that stands still: nothing begins, in a bounded time, and a claim that is not renewed aborts its work', async () => {
    server = await ownRedis();
    const idempotency = open(server.url);
    const { running, signal, end } = await beginWork(idempotency, 'claimed');
    await server.pause();
    const startedAt = performance.now();
    const calls = Array.from({ length: 2_000 }, (_, n) =>
      idempotency.once(`key ${n}`, async () => assert.fail('it ran')),
    );
    for (const call of await Promise.allSettled(calls)) {
      assert.ok(call.status === 'rejected' && coded('idempotency_unavailable')(call.reason));
      assert.ok(coded('redis_timeout')(call.reason.cause));
    }
    assert.ok(performance.now() - startedAt < 6_000, 'those that waited were not told in time');
    await eventually(() => assert.ok(signal.aborted), { timeoutMs: 8_000 });
    await server.resume();
    end('nobody has begun anew');
    assert.equal((await running).outcome, 'done');
  });

  it('goes on where the server has forgotten its scripts', async () => {
    server = await ownRedis();
    const idempotency = open(server.url);
    const plain = new Redis(server.url);
    clients.push(plain);
    for (let round = 0; round < 3; round++) {
      await plain.script('FLUSH');
      const keys = Array.from({ length: 50 }, (_, n) => `${round} ${n}`);
      await Promise.all(keys.map((key) => idempotency.once(key, async () => key)));
      await plain.script('FLUSH');
      assert.equal((await idempotency.find(keys)).filter((found) => found?.outcome === 'done').length, 50);
    }
  });

  it('P6: refuses a server that evicts keys, and says why; takes it when that has changed', async () => {
    server = await ownRedis({ config: { maxmemory: '100mb', 'maxmemory-policy': 'volatile-lru' } });
    const idempotency = open(server.url);
    await assert.rejects(
      idempotency.claim({ key: 'a' }),
      (error) => coded('unsuitable_server')(error) && /volatile-lru.*noeviction/.test(String(error)),
    );
    const plain = new Redis(server.url);
    clients.push(plain);
    await plain.config('SET', 'maxmemory-policy', 'noeviction');
    assert.equal((await idempotency.claim({ key: 'a' })).outcome, 'won');
  });

  it('P5, F21: begins nothing while memory is full, but takes the ends of what has begun, and says what is known', async () => {
    server = await ownRedis();
    const idempotency = open(server.url);
    const { running, end } = await beginWork(idempotency, 'claimed');
    const plain = new Redis(server.url);
    clients.push(plain);
    await plain.config('SET', 'maxmemory', '1');
    await assert.rejects(
      idempotency.once('b', async () => assert.fail('it ran')),
      coded('idempotency_unavailable'),
    );
    end('in time');
    assert.deepEqual(await running, { outcome: 'done', value: 'in time' });
    assert.equal((await idempotency.once('claimed', async () => '')).outcome, 'replayed');
    await plain.config('SET', 'maxmemory', '0');
    assert.equal((await idempotency.once('b', async () => {})).outcome, 'done');
  });
});
