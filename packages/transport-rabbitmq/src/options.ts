import {
  createRuntime,
  InvalidOptionError,
  type Message,
  type MessageParts,
  type RawMessage as RawForeign,
  type Runtime,
  refuseUnknown,
  requireWhole,
  type TopicRequest,
} from '@holdfast/core';
import type { AmqpConnection, AmqpFields, AmqpProperties } from './amqp.ts';

export interface RabbitmqTransportOptions {
  /** `amqp://user:password@host:port/vhost`, or `amqps:`. This or `connect`. */
  readonly url?: string | undefined;
  /** How a connection is made, for TLS, credentials or a client of your own: `() => connect(url, socketOptions)`. */
  readonly connect?: (() => Promise<AmqpConnection>) | undefined;
  /** Topics that exist from the first use on, and adopted ones. A topic that is stored with another number of partitions is an error then. */
  readonly topics?: Readonly<Record<string, RabbitmqTopic>> | undefined;
  /** Partitions of a topic that does not say. Each is a quorum queue per group. Default 4. */
  readonly partitions?: number | undefined;
  /** The largest body. Must not be above the broker's `max_message_size` (16 MiB from RabbitMQ 4 on). Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** How many messages may be sent and not confirmed. Default 1,000. */
  readonly maxUnconfirmed?: number | undefined;
  /** How many messages may wait to be sent; above it `publish` is refused with `publish_queue_full`. Default 10,000. */
  readonly maxQueued?: number | undefined;
  /**
   * `key`: at most one unconfirmed message per key, so that none overtakes one that was refused. `none` gives that up for
   * the last tenth of speed. Default `key`.
   */
  readonly publishOrdering?: 'key' | 'none' | undefined;
  /** How long a publish may take, from the call to its confirms. Default 30,000. */
  readonly publishTimeoutMs?: number | undefined;
  /**
   * How long a connection may take to be made, and the first use waits for a broker that is not there. A broker that leaves
   * two questions in a row unanswered for so long has its connection ended. Default 10,000.
   */
  readonly connectTimeoutMs?: number | undefined;
  /** How often a subscription looks whether its share of the partitions has changed. Default 500. */
  readonly balanceMs?: number | undefined;
  /** How long a partition that moves to another process waits for its handlers. Default 10,000. */
  readonly drainMs?: number | undefined;
  /**
   * What the broker is configured with as `consumer_timeout`: a message unacked for longer closes the channel, so messages
   * are handed back, in order, before that. Retries wait at most half as long (`maxHoldMs`). Default 1,800,000, as RabbitMQ's.
   */
  readonly consumerTimeoutMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** A topic of ours, or one that somebody else declared. */
export type RabbitmqTopic = TopicRequest | AdoptedTopic;

export interface AdoptedTopic {
  readonly adopt: Adoption;
}

/**
 * A queue or an exchange that somebody else declared: used as it is, never declared, changed, purged or deleted. A queue is
 * one group's, and gives it what waits there, whatever `from` says.
 */
export interface Adoption {
  /** Consumed. One partition. */
  readonly queue?: string | undefined;
  /** The queue has `x-single-active-consumer`. Only then can several processes keep the order of keys; else `ordering: 'none'`. */
  readonly singleActiveConsumer?: boolean | undefined;
  /**
   * The queue's `x-delivery-limit`, which a broker cannot be asked for. Messages that have used up half of it are warned of;
   * without it, those that were handed back three times.
   */
  readonly deliveryLimit?: number | undefined;
  /** Where rejected messages go: a topic of this transport. Needed for subscribing. */
  readonly deadTopic?: string | undefined;
  /** Published to. */
  readonly exchange?: string | undefined;
  /** Of a published message. Default: its type. */
  readonly routingKey?: ((message: Message) => string) | undefined;
  /** Reads messages that Holdfast did not make. Default: `message_id`, `type` and our own header for the key. */
  readonly read?: ReadMessage | undefined;
}

/** A message as it lies in its queue; without a `message_id` its `message` has an empty id. */
export interface RawMessage extends RawForeign {
  readonly body: Uint8Array;
  readonly properties: AmqpProperties;
  readonly fields: AmqpFields;
}

/** What a message that others made is to us. A thrown error, or no id, makes it a dead letter. */
export type ReadMessage = (raw: RawMessage) => MessageParts;

export interface Settings {
  readonly url: string | undefined;
  readonly connect: (() => Promise<AmqpConnection>) | undefined;
  readonly topics: Readonly<Record<string, TopicRequest>>;
  readonly adopted: ReadonlyMap<string, Adoption>;
  readonly partitions: number;
  readonly maxBodyBytes: number;
  readonly maxUnconfirmed: number;
  readonly maxQueued: number;
  readonly publishOrdering: 'key' | 'none';
  readonly publishTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly balanceMs: number;
  readonly drainMs: number;
  readonly consumerTimeoutMs: number;
  readonly runtime: Runtime;
}

/** The options with their defaults; throws `invalid_option` for what cannot work. */
export const readOptions = (options: RabbitmqTransportOptions): Settings => {
  const { url, connect } = options;
  if ((url === undefined) === (connect === undefined)) {
    throw new InvalidOptionError('url', `found ${url === undefined ? 'neither' : 'both'} url and connect; give one`);
  }
  if (url !== undefined && !/^amqps?:\/\//.test(url)) {
    throw new InvalidOptionError('url', 'expected amqp://… or amqps://…');
  }
  const settings: Settings = {
    ...{ url, connect },
    ...splitTopics(options.topics ?? {}),
    partitions: options.partitions ?? 4,
    maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
    maxUnconfirmed: options.maxUnconfirmed ?? 1_000,
    maxQueued: options.maxQueued ?? 10_000,
    publishOrdering: options.publishOrdering ?? 'key',
    publishTimeoutMs: options.publishTimeoutMs ?? 30_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    balanceMs: options.balanceMs ?? 500,
    drainMs: options.drainMs ?? 10_000,
    consumerTimeoutMs: options.consumerTimeoutMs ?? 1_800_000,
    runtime: createRuntime(options.runtime),
  };
  refuseUnknown(
    'rabbitmqTransport',
    Object.keys(settings).filter((name) => name !== 'adopted'),
    options,
  );
  checkNumbers(settings);
  if (settings.publishOrdering !== 'key' && settings.publishOrdering !== 'none') {
    throw new InvalidOptionError(
      'publishOrdering',
      `found ${JSON.stringify(settings.publishOrdering)}; expected "key" or "none"`,
    );
  }
  return settings;
};

const checkNumbers = (settings: Settings): void => {
  requirePartitions('partitions', settings.partitions);
  requireWhole('maxBodyBytes', settings.maxBodyBytes, 0, maxBodyBytes);
  requireWhole('maxUnconfirmed', settings.maxUnconfirmed, 1, 65_535);
  requireWhole('maxQueued', settings.maxQueued, 1);
  requireWhole('publishTimeoutMs', settings.publishTimeoutMs, 1);
  requireWhole('connectTimeoutMs', settings.connectTimeoutMs, 1);
  requireWhole('balanceMs', settings.balanceMs, 10);
  requireWhole('drainMs', settings.drainMs, 0);
  requireWhole('consumerTimeoutMs', settings.consumerTimeoutMs, 1);
};

/** RabbitMQ 3's own limit; 4 takes 16 MiB unless it is configured otherwise. */
const maxBodyBytes = 134_217_728;
/** Each is a Raft group per group of consumers. */
const maxPartitions = 256;

export const requirePartitions = (option: string, found: number): void => requireWhole(option, found, 1, maxPartitions);

const splitTopics = (topics: Readonly<Record<string, RabbitmqTopic>>): Pick<Settings, 'topics' | 'adopted'> => {
  const own: Record<string, TopicRequest> = {};
  const adopted = new Map<string, Adoption>();
  for (const [name, topic] of Object.entries(topics)) {
    if (!('adopt' in topic)) {
      refuseUnknown(`topic '${name}'`, ['partitions', 'groups', 'adopt'], topic);
      own[name] = topic;
    } else {
      refuseUnknown(`topic '${name}', which is adopted and so as somebody else declared it,`, ['adopt'], topic);
      adopted.set(name, checkAdoption(name, topic.adopt));
    }
  }
  return { topics: own, adopted };
};

const ofQueues = ['singleActiveConsumer', 'deliveryLimit', 'deadTopic', 'read'] as const;

const checkAdoption = (name: string, adoption: Adoption): Adoption => {
  const option = `topics.${name}.adopt`;
  refuseUnknown(option, ['queue', 'exchange', 'routingKey', ...ofQueues], adoption);
  if (adoption.queue === undefined && adoption.exchange === undefined) {
    throw new InvalidOptionError(option, 'found neither queue nor exchange; name what is adopted');
  }
  if (adoption.exchange === undefined && adoption.routingKey !== undefined) {
    throw new InvalidOptionError(`${option}.routingKey`, 'found no exchange; name the exchange that is published to');
  }
  for (const part of adoption.queue === undefined ? ofQueues : []) {
    if (adoption[part] === undefined) continue;
    throw new InvalidOptionError(
      `${option}.${part}`,
      'found no queue; name the queue that is consumed, or leave it out',
    );
  }
  if (adoption.deliveryLimit !== undefined) requireWhole(`${option}.deliveryLimit`, adoption.deliveryLimit, 1);
  return adoption;
};
