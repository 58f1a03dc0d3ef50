import {
  createRuntime,
  InvalidOptionError,
  type Runtime,
  refuseUnknown,
  requireWhole,
  type TopicRequest,
} from '@holdfast/core';
import { type ClientOptions, chooseDriver, clientOptions } from './choose-driver.ts';
import type { KafkaDriver } from './driver.ts';
import type { ReadRaw } from './wire.ts';

/** A topic that somebody else declared: never made, changed or deleted. */
export interface AdoptedTopic {
  /** What it is called on the broker. Default: the name it has here. */
  readonly topic?: string | undefined;
  /** How to read records that somebody else wrote. Default: CloudEvents, else `topic/partition/offset` as the id. */
  readonly read?: ReadRaw | undefined;
  /**
   * The topic that its dead letters go to, which must exist. `null`: a consumer with a database keeps them there; what is rejected
   * all the same, because `read` threw at it for example, is passed over, counted as `holdfast.kafka.dropped_rejected` and logged
   * as an error, with the place where it lies.
   */
  readonly deadTopic: string | null;
}

export interface KafkaTopicRequest extends TopicRequest {
  readonly adopt?: AdoptedTopic | undefined;
}

export interface KafkaTransportOptions extends ClientOptions {
  /** Topics that exist from the first use on. One that exists with another number of partitions is an error then. */
  readonly topics?: Readonly<Record<string, KafkaTopicRequest>> | undefined;
  /** Partitions of a topic that does not say. Default 8. */
  readonly partitions?: number | undefined;
  /** Of the topics that are made. Default: the broker's. */
  readonly replicationFactor?: number | undefined;
  /**
   * The largest body. Default 1,000,000, which with key and headers stays below what a broker takes by default; what
   * one takes is `max.message.bytes` of the topic, at least 48,588 more than this.
   */
  readonly maxBodyBytes?: number | undefined;
  /** How long a publish is tried, while brokers are away, before its outcome is unknown. Default 30,000. */
  readonly publishTimeoutMs?: number | undefined;
  /** How long one answer is waited for before the connections are given up and made anew. Default 10,000. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * How long a partition stays with a process that has died before another of its group takes it over. Default 10,000;
   * the broker allows 6,000 and more by default. A process that is blocked for longer loses its partitions.
   */
  readonly sessionTimeoutMs?: number | undefined;
  /** How often a member of a group reports. Others wait up to this long to be let in. Default: a tenth of the session. */
  readonly heartbeatMs?: number | undefined;
  /** How long a partition that moves to another process waits for its handlers. Default 10,000. */
  readonly drainMs?: number | undefined;
  /** How long a broker may hold a request for new records. Longer costs less while idle. Default 250. */
  readonly fetchWaitMs?: number | undefined;
  /** How much of a partition is read ahead of its handlers, half of it at once; of all together 32 times as much. Default 1 MiB. */
  readonly fetchBytes?: number | undefined;
  /** How often it is looked whether a topic in use has got more partitions. Default 60,000. */
  readonly topicRefreshMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface Settings {
  readonly driver: KafkaDriver;
  readonly topics: Readonly<Record<string, KafkaTopicRequest>>;
  readonly partitions: number;
  readonly replicationFactor: number | undefined;
  readonly maxBodyBytes: number;
  readonly publishTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly drainMs: number;
  readonly fetchWaitMs: number;
  readonly fetchBytes: number;
  readonly topicRefreshMs: number;
  readonly runtime: Runtime;
}

/** The options with their defaults; throws `invalid_option` for what cannot work. */
export const readOptions = (options: KafkaTransportOptions): Settings => {
  const runtime = createRuntime(options.runtime);
  const requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
  const sessionTimeoutMs = options.sessionTimeoutMs ?? 10_000;
  const settings: Settings = {
    driver: chooseDriver(options, { runtime, requestTimeoutMs }),
    topics: options.topics ?? {},
    partitions: options.partitions ?? 8,
    replicationFactor: options.replicationFactor,
    maxBodyBytes: options.maxBodyBytes ?? 1_000_000,
    publishTimeoutMs: options.publishTimeoutMs ?? 30_000,
    requestTimeoutMs,
    sessionTimeoutMs,
    heartbeatMs: options.heartbeatMs ?? Math.max(1, Math.floor(sessionTimeoutMs / 10)),
    drainMs: options.drainMs ?? 10_000,
    fetchWaitMs: options.fetchWaitMs ?? 250,
    fetchBytes: options.fetchBytes ?? 1_048_576,
    topicRefreshMs: options.topicRefreshMs ?? 60_000,
    runtime,
  };
  const { driver: _, ...named } = settings;
  refuseUnknown('kafkaTransport', [...clientOptions, ...Object.keys(named)], options);
  for (const [name, topic] of Object.entries(settings.topics)) checkTopic(`topics.${name}`, topic);
  requirePartitions('partitions', settings.partitions);
  if (settings.replicationFactor !== undefined)
    requireWhole('replicationFactor', settings.replicationFactor, 1, 32_767);
  requireWhole('maxBodyBytes', settings.maxBodyBytes, 0, largestBody);
  requireWhole('publishTimeoutMs', settings.publishTimeoutMs, 1);
  requireWhole('requestTimeoutMs', settings.requestTimeoutMs, 1, largestTimeoutMs);
  requireWhole('sessionTimeoutMs', settings.sessionTimeoutMs, 10, largestTimeoutMs);
  requireWhole('heartbeatMs', settings.heartbeatMs, 1, Math.floor(settings.sessionTimeoutMs / 3));
  requireWhole('drainMs', settings.drainMs, 0);
  requireWhole('fetchWaitMs', settings.fetchWaitMs, 1, Math.floor(settings.requestTimeoutMs / 2));
  requireWhole('fetchBytes', settings.fetchBytes, 1, largestBody);
  requireWhole('topicRefreshMs', settings.topicRefreshMs, 1);
  return settings;
};

const checkTopic = (where: string, topic: KafkaTopicRequest): void => {
  refuseUnknown(where, ['partitions', 'groups', 'adopt'], topic);
  const { adopt } = topic;
  if (adopt === undefined) return;
  refuseUnknown(`${where}.adopt`, ['topic', 'read', 'deadTopic'], adopt);
  if (adopt.deadTopic !== undefined) return;
  throw new InvalidOptionError(
    `${where}.adopt.deadTopic`,
    'an adopted topic must name where rejected messages go, or say `null` where a consumer with a database keeps them',
  );
};

/** A request is one buffer, of which a broker takes 100 MiB by default. */
const largestBody = 67_108_864;
/** The protocol has 32 bits for it. */
const largestTimeoutMs = 2_147_483_647;

export const requirePartitions = (option: string, found: number): void => requireWhole(option, found, 1, 100_000);
