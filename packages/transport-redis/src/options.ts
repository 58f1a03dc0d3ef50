import {
  createRuntime,
  InvalidOptionError,
  type Runtime,
  refuseUnknown,
  requireWhole,
  type TopicRequest,
} from '@holdfast/core';
import { Redis } from 'ioredis';
import type { AdoptedStream } from './adopted.ts';
import type { RedisClient } from './client.ts';

/** A topic as it is declared: ours, in partitions, or a stream of somebody else. */
export interface RedisTopic extends TopicRequest {
  readonly adopt?: AdoptedStream | undefined;
}

/** What must have confirmed a message before it counts as published, besides the primary's reply. */
export interface Confirmations {
  /** Replicas that have it in memory (`WAIT`), or, with `file`, on disk. Default 0. */
  readonly replicas?: number | undefined;
  /** Whether the primary has synced it to its append-only file (`WAITAOF`, Redis 7.2 or newer). Default false. */
  readonly file?: boolean | undefined;
  /**
   * How long to wait for them. A message that they have not confirmed by then is reported as unknown. Default 1,000; with
   * `file` 5,000, because by its own default (`appendfsync everysec`) a server syncs once a second, and later on a busy disk.
   */
  readonly timeoutMs?: number | undefined;
}

export interface RedisTransportOptions {
  /** A client of ioredis 5 or 6, or its cluster client. Only its settings are used: the transport opens connections of its own. */
  readonly client?: RedisClient | undefined;
  /** `redis://user:password@host:port/db`, in place of a client. */
  readonly url?: string | undefined;
  /** Topics that exist from the first use on. A topic that is stored with another number of partitions is an error then. */
  readonly topics?: Readonly<Record<string, RedisTopic>> | undefined;
  /** Partitions of a topic that does not say. Default 8. */
  readonly partitions?: number | undefined;
  /** Starts the name of every key that is ours. Default `holdfast:`. */
  readonly prefix?: string | undefined;
  /** The largest body. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Says that a confirmed message survives a crash of the server; its append-only file must be on then, which is checked.
   * Default false: Redis as it comes keeps messages in memory.
   */
  readonly durable?: boolean | undefined;
  /** Who else must have confirmed a message. Default: the primary's reply is enough. */
  readonly confirmations?: Confirmations | undefined;
  /**
   * How many messages a partition's stream may hold. At this, what every group has settled is dropped before its time; if
   * that does not help, `publish` waits up to `fullWaitMs` and then rejects with `stream_full`. Default 1,000,000.
   */
  readonly capacity?: number | undefined;
  /** How long a publish waits for a full stream. Default 0. */
  readonly fullWaitMs?: number | undefined;
  /**
   * How long messages are kept that every group has settled, for groups that start at the earliest. Never trimmed past
   * the slowest group. Done by whoever owns a partition in a subscription; a stream that nobody reads is held down by
   * `capacity` alone. Default 24 hours.
   */
  readonly retentionMs?: number | undefined;
  /**
   * A group that has settled nothing of what waits for so long is reported, by name, as an error, by whoever owns a
   * partition of the topic in another group. Default 1 hour.
   */
  readonly groupExpiryMs?: number | undefined;
  /**
   * How long a partition stays with a process that has died before another of its group takes it over. Default 10,000.
   * A process that is blocked for longer loses its partitions and has their messages delivered again elsewhere.
   */
  readonly leaseMs?: number | undefined;
  /** How long a partition that moves to another process waits for its handlers. Default 10,000. */
  readonly drainMs?: number | undefined;
  /** How long a command waits for a connection, and then for its reply. Default 5,000. */
  readonly commandTimeoutMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface Settings {
  readonly client: RedisClient;
  readonly topics: Readonly<Record<string, RedisTopic>>;
  readonly partitions: number;
  readonly prefix: string;
  readonly maxBodyBytes: number;
  readonly durable: boolean;
  readonly confirmations: Asked;
  readonly capacity: number;
  readonly fullWaitMs: number;
  readonly retentionMs: number;
  readonly groupExpiryMs: number;
  readonly leaseMs: number;
  readonly drainMs: number;
  readonly commandTimeoutMs: number;
  readonly runtime: Runtime;
}

/** What was asked for, with its defaults. */
export interface Asked {
  readonly replicas: number;
  readonly file: boolean;
  readonly timeoutMs: number;
}

/** The options with their defaults; throws `invalid_option` for what cannot work. */
export const readOptions = (options: RedisTransportOptions): Settings => {
  const { confirmations } = options;
  const settings: Settings = {
    client: clientOf(options),
    topics: options.topics ?? {},
    partitions: options.partitions ?? 8,
    prefix: options.prefix ?? 'holdfast:',
    maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
    durable: options.durable ?? false,
    confirmations: {
      replicas: confirmations?.replicas ?? 0,
      file: confirmations?.file ?? false,
      timeoutMs: confirmations?.timeoutMs ?? (confirmations?.file ? 5_000 : 1_000),
    },
    capacity: options.capacity ?? 1_000_000,
    fullWaitMs: options.fullWaitMs ?? 0,
    retentionMs: options.retentionMs ?? 86_400_000,
    groupExpiryMs: options.groupExpiryMs ?? 3_600_000,
    leaseMs: options.leaseMs ?? 10_000,
    drainMs: options.drainMs ?? 10_000,
    commandTimeoutMs: options.commandTimeoutMs ?? 5_000,
    runtime: createRuntime(options.runtime),
  };
  checkNames(options, settings);
  checkNumbers(settings);
  if (/[{}]/.test(settings.prefix)) {
    throw new InvalidOptionError(
      'prefix',
      `found '${settings.prefix}'; braces are the hash tags of a cluster, leave them out`,
    );
  }
  const { replicas, file } = settings.confirmations;
  if (settings.client.isCluster && (replicas > 0 || file)) {
    throw new InvalidOptionError(
      'confirmations',
      'found them with a cluster client, which would ask any node, and not the one that was written to; leave them out',
    );
  }
  for (const [name, { adopt, partitions }] of Object.entries(settings.topics)) {
    if (adopt === undefined || partitions === undefined || partitions === 1) continue;
    throw new InvalidOptionError(
      `topics.${name}.partitions`,
      `found ${partitions}; an adopted stream is one partition`,
    );
  }
  return settings;
};

const checkNames = (options: RedisTransportOptions, settings: Settings): void => {
  const { confirmations, topics = {} } = options;
  refuseUnknown('redisTransport', [...Object.keys(settings), 'url'], options);
  for (const [name, topic] of Object.entries(topics)) {
    refuseUnknown(`topics.${name}`, ['partitions', 'groups', 'adopt'], topic);
    if (topic.adopt) refuseUnknown(`topics.${name}.adopt`, ['stream', 'deadTopic', 'read'], topic.adopt);
  }
  if (confirmations === undefined) return;
  refuseUnknown('confirmations', Object.keys(settings.confirmations), confirmations);
  if (confirmations.timeoutMs !== undefined && !confirmations.file && !confirmations.replicas) {
    throw new InvalidOptionError(
      'confirmations.timeoutMs',
      'found it alone, and nothing that is waited for; give `replicas` or `file` too, or leave it out',
    );
  }
};

const checkNumbers = (settings: Settings): void => {
  requirePartitions('partitions', settings.partitions);
  requireWhole('maxBodyBytes', settings.maxBodyBytes, 0, maxBodyBytes);
  requireWhole('confirmations.replicas', settings.confirmations.replicas, 0);
  requireWhole('confirmations.timeoutMs', settings.confirmations.timeoutMs, 1);
  requireWhole('capacity', settings.capacity, 1);
  requireWhole('fullWaitMs', settings.fullWaitMs, 0);
  requireWhole('retentionMs', settings.retentionMs, 0);
  requireWhole('groupExpiryMs', settings.groupExpiryMs, 1);
  requireWhole('leaseMs', settings.leaseMs, 100);
  requireWhole('drainMs', settings.drainMs, 0);
  requireWhole('commandTimeoutMs', settings.commandTimeoutMs, 1);
};

const clientOf = ({ client, url }: RedisTransportOptions): RedisClient => {
  if (client !== undefined && url === undefined) return client;
  // It is a bag of settings: it never connects.
  if (client === undefined && url !== undefined) return new Redis(url, { lazyConnect: true });
  throw new InvalidOptionError('client', 'give either a client of ioredis or a `url`');
};

/** Each partition is a stream, a lease, and a script in every look of its owner. */
const maxPartitions = 1_000;
/** Redis takes strings of 512 MB, and a script holds its messages twice. */
const maxBodyBytes = 67_108_864;

export const requirePartitions = (option: string, found: number): void => requireWhole(option, found, 1, maxPartitions);
