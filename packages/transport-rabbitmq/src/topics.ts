import {
  type Runtime,
  type StartPosition,
  TopologyMismatchError,
  UnknownTopicError,
  UnsupportedError,
} from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import { type About, createAboutTopics } from './about.ts';
import { type AmqpChannel, type AmqpConnection, type QueueCounts, replyCodeOf, replyCodes } from './amqp.ts';
import { onChannel } from './channel.ts';
import { AdoptedMissingError, DeclarationMismatchError, TopicBusyError } from './errors.ts';
import { aboutQueueOf, membersQueueOf, queueOf } from './names.ts';
import type { Adoption, Settings } from './options.ts';

/** A topic of ours. */
export interface OwnTopic {
  readonly kind: 'own';
  readonly name: string;
  readonly partitions: number;
}

/** What somebody else declared. */
export interface ForeignTopic {
  readonly kind: 'adopted';
  readonly name: string;
  readonly partitions: 1;
  readonly adoption: Adoption;
}

export type Topic = OwnTopic | ForeignTopic;

export interface Topics {
  /** Without asking the broker. */
  known(name: string): Topic | undefined;
  /** Throws `unknown_topic`. */
  require(name: string): Promise<Topic>;
  /** Makes it where it is missing, with its dead topic. Throws `topology_mismatch`, `declaration_mismatch`. */
  ensure(name: string, partitions?: number): Promise<Topic>;
  about(name: string): Promise<About | undefined>;
  /** As `about`; one whose making broke off half-way is not there yet. */
  find(name: string): Promise<About | undefined>;
  /** Only the topic itself. */
  create(name: string, partitions: number): Promise<OwnTopic>;
  hasGroup(topic: OwnTopic, group: string): Promise<boolean>;
  /** Makes the group's queues where they are missing, and binds them. */
  createGroup(topic: OwnTopic, group: string): Promise<void>;
  /** Everything is asked again: the broker may be another one, or have lost something. */
  forget(): void;
}

export interface TopicsOptions {
  readonly settings: Settings;
  readonly connection: () => Promise<AmqpConnection>;
  readonly runtime: Runtime;
}

/** Never reached: attempts are counted by us, and what is above a limit would be dropped by the broker. */
const deliveryLimit = 1_000_000_000;
/** Keeps the number of partitions as a queue's argument, so that two who declare different ones cannot both succeed. */
const aboutLength = 1_000_000;

const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': deliveryLimit };
const partitionQueue = { durable: true, arguments: { ...quorum, 'x-single-active-consumer': true } };
const membersQueue = { durable: true, arguments: quorum };
const aboutQueue = (partitions: number) => ({
  durable: true,
  arguments: { ...quorum, 'x-max-length': aboutLength + partitions },
});

export const createTopics = ({ settings, connection, runtime }: TopicsOptions): Topics => {
  const abouts = createAboutTopics(runtime);
  const topics = new Map<string, Topic>();
  const looking = new Map<string, Promise<Topic>>();
  const { adopted, partitions: defaultPartitions } = settings;

  const about = async (name: string): Promise<About | undefined> => abouts.read(await connection(), name);

  const find = async (name: string): Promise<About | undefined> => {
    try {
      return await about(name);
    } catch (error) {
      // Making it again is right if somebody only holds it.
      if (error instanceof TopicBusyError) return undefined;
      throw error;
    }
  };

  const remember = (name: string, partitions: number): OwnTopic => {
    const topic: OwnTopic = { kind: 'own', name, partitions };
    topics.set(name, topic);
    return topic;
  };

  const requireOwn = async (name: string): Promise<Topic> => {
    const stored = await about(name);
    if (stored === undefined) throw new UnknownTopicError(name, [...topics.keys()]);
    return remember(name, stored.partitions);
  };

  const requireAdopted = async (name: string, adoption: Adoption): Promise<Topic> => {
    await checkAdopted(await connection(), name, adoption);
    const topic: ForeignTopic = { kind: 'adopted', name, partitions: 1, adoption };
    topics.set(name, topic);
    return topic;
  };

  const require = (name: string): Promise<Topic> => {
    const known = topics.get(name);
    if (known !== undefined) return Promise.resolve(known);
    const under = looking.get(name);
    if (under !== undefined) return under;
    const adoption = adopted.get(name);
    const look = (adoption === undefined ? requireOwn(name) : requireAdopted(name, adoption)).finally(() =>
      looking.delete(name),
    );
    looking.set(name, look);
    return look;
  };

  const create = async (name: string, partitions: number): Promise<OwnTopic> => {
    const at = await connection();
    await declare(at, `exchange '${name}'`, (channel) => channel.assertExchange(name, 'direct', { durable: true }));
    try {
      await onChannel(at, (channel) => channel.assertQueue(aboutQueueOf(name), aboutQueue(partitions)));
    } catch (error) {
      if (replyCodeOf(error) !== replyCodes.mismatch) throw error;
      const stored = await abouts.read(at, name);
      if (stored !== undefined && stored.partitions !== partitions) {
        throw new TopologyMismatchError(name, stored.partitions, partitions);
      }
      throw new DeclarationMismatchError(`queue '${aboutQueueOf(name)}'`, error);
    }
    await abouts.add(at, name, { partitions, groups: [] });
    return remember(name, partitions);
  };

  const ensure = async (name: string, partitions?: number): Promise<Topic> => {
    const adoption = adopted.get(name);
    if (adoption !== undefined) return require(name);
    const topic = await ensureOne(name, partitions);
    if (!isDeadTopic(name)) await ensureOne(deadTopicOf(name), topic.partitions);
    return topic;
  };

  const ensureOne = async (name: string, partitions: number | undefined): Promise<OwnTopic> => {
    const stored = await find(name);
    if (stored === undefined) {
      runtime.log.info({ topic: name, partitions: partitions ?? defaultPartitions }, 'makes a topic');
      return create(name, partitions ?? defaultPartitions);
    }
    if (partitions !== undefined && stored.partitions !== partitions) {
      throw new TopologyMismatchError(name, stored.partitions, partitions);
    }
    const topic = remember(name, stored.partitions);
    await declareExchange(await connection(), topic);
    return topic;
  };

  const hasGroup = async (topic: OwnTopic, group: string): Promise<boolean> => {
    try {
      await onChannel(await connection(), (channel) => channel.checkQueue(membersQueueOf(topic.name, group)));
      return true;
    } catch (error) {
      if (replyCodeOf(error) === replyCodes.notFound) return false;
      throw error;
    }
  };

  const createGroup = async (topic: OwnTopic, group: string): Promise<void> => {
    const at = await connection();
    await declareGroup(at, topic, group);
    await abouts.add(at, topic.name, { partitions: topic.partitions, groups: [group] });
  };

  return {
    known: (name) => topics.get(name),
    require,
    ensure,
    about,
    find,
    create,
    hasGroup,
    createGroup,
    forget: () => topics.clear(),
  };
};

/** The queues of a group and their bindings. Harmless where they are there. The queue by which the group is known comes last. */
export const declareGroup = (connection: AmqpConnection, topic: OwnTopic, group: string): Promise<void> =>
  declare(connection, `a queue of group '${group}' of topic '${topic.name}'`, async (channel) => {
    const queues = Array.from({ length: topic.partitions }, (_, partition) => queueOf(topic.name, group, partition));
    // One after another they would take a round trip each.
    await Promise.all(
      queues.flatMap((queue, partition) => [
        channel.assertQueue(queue, partitionQueue),
        channel.bindQueue(queue, topic.name, String(partition)),
      ]),
    );
    await channel.assertQueue(membersQueueOf(topic.name, group), membersQueue);
  });

/** Of the topic itself, where it is known to exist. */
export const declareExchange = (connection: AmqpConnection, topic: OwnTopic): Promise<void> =>
  declare(connection, `exchange '${topic.name}'`, (channel) =>
    channel.assertExchange(topic.name, 'direct', { durable: true }),
  );

const declare = async (
  connection: AmqpConnection,
  what: string,
  work: (channel: AmqpChannel) => Promise<unknown>,
): Promise<void> => {
  try {
    await onChannel(connection, work);
  } catch (error) {
    if (replyCodeOf(error) === replyCodes.mismatch) throw new DeclarationMismatchError(what, error);
    throw error;
  }
};

/** Asks for them by name only. Returns what its queue says of itself. */
export const checkAdopted = async (
  connection: AmqpConnection,
  topic: string,
  { queue, exchange }: Adoption,
): Promise<QueueCounts | undefined> => {
  const check = async <T>(what: string, work: (channel: AmqpChannel) => Promise<T>): Promise<T> => {
    try {
      return await onChannel(connection, work);
    } catch (error) {
      if (replyCodeOf(error) === replyCodes.notFound) throw new AdoptedMissingError(what, topic);
      throw error;
    }
  };
  const counts =
    queue === undefined ? undefined : await check(`queue '${queue}'`, (channel) => channel.checkQueue(queue));
  // The default exchange is always there, and cannot be asked for.
  if (exchange !== undefined && exchange !== '') {
    await check(`exchange '${exchange}'`, (channel) => channel.checkExchange(exchange));
  }
  return counts;
};

/** A new group sees what is published from now on: a queue keeps nothing for those who come later. */
export const refuseReplay = (transport: string, topic: string, group: string, from: StartPosition): void => {
  if (from !== 'earliest') return;
  throw new UnsupportedError(
    transport,
    `start the new group '${group}' of topic '${topic}' at the earliest message`,
    'a queue keeps nothing for groups that come later; use from: "latest", and topology.apply to make the group before its messages',
  );
};
