import { type Log, TopologyMismatchError, UnknownTopicError } from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import type { Execute } from './execute.ts';

export interface Topic {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
}

/** The stored topics, remembered: a topic never changes, but a failover may lose it. */
export interface Topics {
  /** The topic; reads again when it is not known. Throws `unknown_topic`. */
  require(name: string): Promise<Topic>;
  /** The topic, if it is known without asking. */
  known(name: string): Topic | undefined;
  /** Reads what is stored. */
  refresh(): Promise<ReadonlyMap<string, Topic>>;
  /** The topic and its dead topic, made where they are missing. Throws `topology_mismatch`. */
  ensure(name: string, partitions?: number): Promise<Topic>;
  /** What is known may not be so any more: it is read again. */
  forget(): void;
}

export const createTopics = (execute: Execute, defaultPartitions: number, log: Log): Topics => {
  let topics: ReadonlyMap<string, Topic> = new Map();

  const refresh = async (): Promise<ReadonlyMap<string, Topic>> => {
    const stored = await readTopics(execute);
    topics = new Map(stored.map((topic) => [topic.name, topic]));
    return topics;
  };

  const make = async (name: string, declared: number | undefined, otherwise: number): Promise<Topic> => {
    const existing = topics.get(name) ?? (await refresh()).get(name);
    const wanted = declared ?? existing?.partitions ?? otherwise;
    if (existing === undefined) {
      await createTopic(execute, name, wanted);
      log.info({ topic: name, partitions: wanted }, 'created topic');
    }
    const stored = existing ?? (await refresh()).get(name);
    if (stored === undefined) throw new UnknownTopicError(name, [...topics.keys()]);
    if (stored.partitions !== wanted) throw new TopologyMismatchError(name, stored.partitions, wanted);
    return stored;
  };

  return {
    forget: () => {
      topics = new Map();
    },
    known: (name) => topics.get(name),
    refresh,
    require: async (name) => {
      const topic = topics.get(name) ?? (await refresh()).get(name);
      if (topic === undefined) throw new UnknownTopicError(name, [...topics.keys()]);
      return topic;
    },
    ensure: async (name, partitions) => {
      const topic = await make(name, partitions, defaultPartitions);
      if (!isDeadTopic(name)) await make(deadTopicOf(name), undefined, topic.partitions);
      return topic;
    },
  };
};

const readTopics = async ({ execute, schema }: Execute): Promise<readonly Topic[]> => {
  const rows = await execute(`select id::text, name, partitions::text from ${schema}.log_topics order by name`, []);
  return rows.map(({ id, name, partitions }) => ({ id: Number(id), name: name ?? '', partitions: Number(partitions) }));
};

/** Safe from many processes at once: the first one's number of partitions is stored. */
const createTopic = ({ execute, schema }: Execute, name: string, partitions: number): Promise<unknown> =>
  execute(
    `with made as (
       insert into ${schema}.log_topics (name, partitions, kept) values ($1::text, $2::text::integer, $3::text::boolean)
       on conflict (name) do nothing
       returning id, partitions
     )
     insert into ${schema}.log_partitions (topic_id, partition)
     select made.id, partition from made cross join lateral generate_series(0, made.partitions - 1) partition`,
    [name, String(partitions), String(isDeadTopic(name))],
  );
