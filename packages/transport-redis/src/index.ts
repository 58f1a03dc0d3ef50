export type { AdoptedStream, RawEntry, ReadEntry } from './adopted.ts';
export { RefusedByRedisError } from './appender.ts';
export type { RedisClient } from './client.ts';
export {
  NotReplicatedError,
  RedisConnectionLostError,
  RedisOfflineError,
  RedisRefusedError,
  RedisTimeoutError,
  StreamFullError,
  UnsuitableServerError,
} from './errors.ts';
export type { Confirmations, RedisTopic, RedisTransportOptions } from './options.ts';
export { redisTransport } from './transport.ts';
