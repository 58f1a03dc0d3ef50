import { createHash } from 'node:crypto';
import { silentLog } from '@holdfast/core';
import { createIdempotency, type Idempotency } from '@holdfast/idempotency';
import { redisIdempotencyStore } from '@holdfast/idempotency-redis';
import { Redis } from 'ioredis';
import { ownRedis } from '../../harness/index.ts';

interface ByHand {
  claim(key: string): Promise<string>;
  complete(key: string, token: string): Promise<void>;
}

/** A Redis of its own, with our store over a plain client, and the same work done by hand. */
export interface IdempotencyWorld {
  readonly idempotency: Idempotency;
  /** One script per key, sent by hand over a client that pipelines by itself. */
  readonly byHand: ByHand;
  /** The same over a client as it comes. */
  readonly plainly: ByHand;
  /** Another key than any before. */
  key(): string;
  empty(): Promise<void>;
  close(): Promise<void>;
}

export const inFlight = 100;
export const result = JSON.stringify({ chargeId: 'ch_1234567890', total: 4_200, currency: 'EUR' });

const [leaseMs, ttlMs] = [10_000, 86_400_000];

export const openIdempotencyWorld = async (): Promise<IdempotencyWorld> => {
  const server = await ownRedis();
  const plain = new Redis(server.url);
  const pipelining = new Redis(server.url, { enableAutoPipelining: true });
  const idempotency = createIdempotency({
    store: redisIdempotencyStore({ client: plain, runtime: { log: silentLog } }),
    ...{ leaseMs, ttlMs, runtime: { log: silentLog } },
  });
  const [claimSha, completeSha] = await Promise.all([claimByHand, completeByHand].map((lua) => load(plain, lua)));
  const byHand = (redis: Redis): ByHand => ({
    claim: async (key) => {
      const reply = await redis.evalsha(claimSha ?? '', 1, key, crypto.randomUUID(), '-', leaseMs, ttlMs);
      return String((reply as string[])[1]);
    },
    complete: async (key, token) => {
      await redis.evalsha(completeSha ?? '', 1, key, token, ttlMs, result);
    },
  });
  let keys = 0;
  return {
    idempotency,
    byHand: byHand(pipelining),
    plainly: byHand(plain),
    key: () => `charge:order-${++keys}`,
    empty: async () => {
      await plain.flushall();
    },
    close: async () => {
      plain.disconnect();
      pipelining.disconnect();
      await server.close();
    },
  };
};

const load = async (redis: Redis, lua: string): Promise<string> => {
  await redis.script('LOAD', lua);
  return createHash('sha1').update(lua).digest('hex');
};

/** What our scripts do for a key, for one key. */
const claimByHand = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local micros = t[1] * 1000000 + t[2]
local entry = redis.call('GET', KEYS[1])
local token = micros
if entry then
  local state, known, owner, until_, print, rest = string.match(entry, '^(%a) (%d+) (%S+) (%d+) (%S+) (.*)$')
  if print ~= '-' and ARGV[2] ~= '-' and print ~= ARGV[2] then return { 'k', '' } end
  if state ~= 'c' then return { state, rest } end
  if owner == ARGV[1] then return { 'w', known } end
  if tonumber(until_) > now then return { 'p', string.format('%.0f', until_ - now) } end
  token = math.max(tonumber(known) + 1, micros)
end
token = string.format('%.0f', token)
local until_ = string.format('%.0f', now + tonumber(ARGV[3]))
redis.call('SET', KEYS[1], 'c ' .. token .. ' ' .. ARGV[1] .. ' ' .. until_ .. ' ' .. ARGV[2] .. ' ', 'PX', ARGV[4])
return { 'w', token }
`;
const completeByHand = `
local entry = redis.call('GET', KEYS[1])
if not entry then return 0 end
local state, token, owner, until_, print = string.match(entry, '^(%a) (%d+) (%S+) (%d+) (%S+) (.*)$')
if token ~= ARGV[1] or state ~= 'c' then return 0 end
redis.call('SET', KEYS[1], 'd ' .. token .. ' - 0 ' .. print .. ' ' .. ARGV[3], 'PX', ARGV[2])
return 1
`;
