import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, silentLog } from '@holdfast/core';
import { type RedisClient, redisIdempotencyStore } from '../src/index.ts';

/** A driver that sends nothing, and so never answers; it counts what it was given. */
const silentClient = () => {
  const given = { scripts: 0, keys: 0 };
  const never = new Promise<never>(() => {});
  const client: RedisClient = {
    status: 'reconnecting',
    info: async () => '',
    evalsha: (_sha, keys) => {
      given.scripts++;
      given.keys += keys;
      return never;
    },
    eval: () => never,
  };
  return { client, given };
};

describe('the store of idempotency keys in Redis', () => {
  it('refuses options that cannot work', () => {
    const { client } = silentClient();
    const refused = (error: unknown): boolean => isHoldfastError(error, 'invalid_option');
    assert.throws(() => redisIdempotencyStore({ client: {} as RedisClient }), refused);
    assert.throws(() => redisIdempotencyStore({ client, prefix: '{app}:' }), refused);
    assert.throws(() => redisIdempotencyStore({ client, commandTimeoutMs: 0 }), refused);
  });

  it('P5: sends a few scripts to a driver that has no connection, and tells all who wait in time', async () => {
    const clock = createVirtualClock();
    const { client, given } = silentClient();
    const store = redisIdempotencyStore({ client, commandTimeoutMs: 1_000, runtime: { clock, log: silentLog } });
    const codes: string[] = [];
    for (let n = 0; n < 25_000; n++) {
      store.find([`key ${n}`]).catch((error: { code: string }) => codes.push(error.code));
    }
    await clock.advance(0);
    assert.deepEqual(given, { scripts: 4, keys: 512 });
    assert.equal(codes.filter((code) => code === 'batcher_full').length, 5_000);
    await clock.advance(1_000);
    assert.equal(codes.filter((code) => code === 'redis_timeout').length, 20_000);
    assert.deepEqual(given, { scripts: 4, keys: 512 }, 'what waited too long is not sent any more');
    assert.equal(clock.timers, 0);
  });
});
