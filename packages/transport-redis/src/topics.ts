import { InvalidOptionError, type Log, TopologyMismatchError, UnknownTopicError } from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import type { AdoptedStream } from './adopted.ts';
import type { Connection } from './connection.ts';
import type { Keys } from './keys.ts';
import { pairsOf } from './script.ts';
import type { Topic } from './topic.ts';

/** The stored topics, remembered: a topic never changes. */
export interface Topics {
  /** The topic; reads again when it is not known. Throws `unknown_topic`. */
  require(name: string): Promise<Topic>;
  /** The topic, if it is known without asking. */
  known(name: string): Topic | undefined;
  /** Reads what is stored. */
  refresh(): Promise<ReadonlyMap<string, Topic>>;
  /** The topic and its dead topic, made where they are missing. Throws `topology_mismatch`. */
  ensure(name: string, partitions?: number): Promise<Topic>;
}

export interface TopicsOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly adopted: ReadonlyMap<string, AdoptedStream>;
  readonly defaultPartitions: number;
  readonly log: Log;
}

export const createTopics = ({ connection, keys, adopted, defaultPartitions, log }: TopicsOptions): Topics => {
  const foreign = new Map([...adopted].map(([name, one]): [string, Topic] => [name, adoptedTopic(name, one)]));
  let topics: ReadonlyMap<string, Topic> = foreign;

  const refresh = async (): Promise<ReadonlyMap<string, Topic>> => {
    const stored = pairsOf(await connection.call('hgetall', [keys.topics]));
    const own = [...stored].map(([name, partitions]): [string, Topic] => [
      name,
      { name, partitions: Number(partitions) },
    ]);
    topics = new Map([...own, ...foreign]);
    return topics;
  };

  const requireTopic = async (name: string): Promise<Topic> => {
    const topic = topics.get(name) ?? (await refresh()).get(name);
    if (topic === undefined) throw new UnknownTopicError(name, [...topics.keys()]);
    return topic;
  };

  const make = async (name: string, declared: number | undefined, otherwise: number): Promise<Topic> => {
    const existing = topics.get(name) ?? (await refresh()).get(name);
    const wanted = declared ?? existing?.partitions ?? otherwise;
    if (existing === undefined && Number(await connection.call('hsetnx', [keys.topics, name, wanted])) === 1) {
      log.info({ topic: name, partitions: wanted }, 'created topic');
    }
    const stored = existing ?? (await refresh()).get(name);
    if (stored === undefined) throw new UnknownTopicError(name, [...topics.keys()]);
    if (stored.partitions !== wanted) throw new TopologyMismatchError(name, stored.partitions, wanted);
    return stored;
  };

  return {
    known: (name) => topics.get(name),
    refresh,
    require: requireTopic,
    ensure: async (name, partitions) => {
      const topic = await make(name, partitions, defaultPartitions);
      const dead = deadTopicFor(topic);
      if (dead !== undefined) await make(dead, undefined, topic.partitions);
      return topic;
    },
  };
};

const adoptedTopic = (name: string, adopted: AdoptedStream): Topic => {
  if (adopted.deadTopic === undefined) {
    throw new InvalidOptionError(
      `topics.${name}.adopt.deadTopic`,
      'an adopted stream must name where rejected messages go, or say `null` where a consumer with a database keeps them',
    );
  }
  return { name, partitions: 1, adopted };
};

/** Where a topic's rejected messages go; undefined: nowhere. */
export const deadTopicFor = ({ name, adopted }: Topic): string | undefined => {
  if (adopted !== undefined) return adopted.deadTopic ?? undefined;
  return isDeadTopic(name) ? undefined : deadTopicOf(name);
};
