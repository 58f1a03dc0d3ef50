import { createRuntime, type Message, type Runtime, silentLog, type Transport } from '@holdfast/core';
import { type RedisTransportOptions, redisTransport } from '@holdfast/transport-redis';
import { Redis } from 'ioredis';

/** Keys of its own on a Redis, and the transports that a test opens onto it. */
export interface TestStreams {
  readonly url: string;
  /** Starts the name of every key. */
  readonly prefix: string;
  /** A plain client, for the test's own commands. */
  readonly redis: Redis;
  readonly runtime: Runtime;
  /** What the transports have logged as a warning or an error, newest last. */
  readonly complaints: readonly string[];
  /** What they have counted, by name. */
  readonly counts: ReadonlyMap<string, number>;
  open(options?: Partial<RedisTransportOptions>): Transport;
  /** The stream of a partition. */
  stream(topic: string, partition: number): string;
  close(): Promise<void>;
}

export const openTestStreams = ({ url }: { readonly url: string }): TestStreams => {
  const prefix = `t-${crypto.randomUUID()}:`;
  const redis = new Redis(url, { retryStrategy: () => 100, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  const transports: Transport[] = [];
  const complaints: string[] = [];
  const counts = new Map<string, number>();
  const runtime = recordingRuntime(complaints, counts);
  return {
    url,
    prefix,
    redis,
    runtime,
    complaints,
    counts,
    open: (options = {}) => {
      const where = options.client === undefined ? { url } : {};
      const transport = redisTransport({ ...where, prefix, runtime, ...options });
      transports.push(transport);
      return transport;
    },
    stream: (topic, partition) => `${prefix}{${topic}:${partition}}`,
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close({ deadlineMs: 2_000 })));
      redis.disconnect();
    },
  };
};

const recordingRuntime = (complaints: string[], counts: Map<string, number>): Runtime => {
  const complain = (_fields: object, message: string): void => {
    complaints.push(message);
  };
  return createRuntime({
    log: { ...silentLog, warn: complain, error: complain },
    meter: {
      count: (name, by) => counts.set(name, (counts.get(name) ?? 0) + by),
      gauge: () => {},
      record: () => {},
    },
  });
};

export const messageOf = (id: string, key?: string, body = id): Message => ({
  id,
  type: 'test.message',
  ...(key === undefined ? {} : { key }),
  headers: {},
  body: new TextEncoder().encode(body),
});

export const messagesOf = (count: number, keys: number, prefix = 'm'): Message[] =>
  Array.from({ length: count }, (_, n) => messageOf(`${prefix}${n}`, `key-${n % keys}`));
