import { sleep, TopologyMismatchError, UnknownTopicError } from '@holdfast/core';
import { deadTopicOf, isDeadTopic } from '@holdfast/flow';
import type { TopicRequests } from './driver.ts';
import type { AdoptedTopic, Settings } from './options.ts';

export interface Topic {
  /** What it is called here. */
  readonly name: string;
  /** What it is called on the broker. */
  readonly wireName: string;
  readonly partitions: number;
  /** The broker that leads each partition; -1 while none does. */
  readonly leaders: readonly number[];
}

/** The topics of the broker, as they were when somebody last looked. */
export interface Topics {
  known(name: string): Topic | undefined;
  /** As `known`, for who asks with each use: whether there are more partitions now is looked up beside it, now and then. */
  followed(name: string): Topic | undefined;
  /** Asks the broker when it is not known. Throws `unknown_topic`. */
  require(name: string): Promise<Topic>;
  /** Asks again, in any case; one that is gone is no longer known then. */
  refresh(name: string): Promise<Topic | undefined>;
  /** Asks again; one that the broker does not know stays known. */
  renew(name: string): Promise<Topic | undefined>;
  /** The topic and its dead topic, made where they are missing; adopted ones must be there. Throws `topology_mismatch`. */
  ensure(name: string, partitions?: number): Promise<Topic>;
  adopted(name: string): AdoptedTopic | undefined;
}

/** A topic that was made is known to every broker a little later. */
const visible = { everyMs: 20, withinMs: 10_000 };

export const createTopics = (requests: TopicRequests, settings: Settings): Topics => {
  const { runtime, replicationFactor, topicRefreshMs } = settings;
  const known = new Map<string, Topic>();
  /** When each was asked about last, on the monotonic clock. */
  const askedMs = new Map<string, number>();

  const adopted = (name: string): AdoptedTopic | undefined => settings.topics[name]?.adopt;

  /** Undefined: the dead topic of an adopted topic that names none. */
  const wireNameOf = (name: string): string | undefined => {
    const own = adopted(name);
    if (own !== undefined) return own.topic ?? name;
    const origin = isDeadTopic(name) ? adopted(name.slice(0, -deadTopicOf('').length)) : undefined;
    return origin === undefined ? name : (origin.deadTopic ?? undefined);
  };

  const renew = async (name: string): Promise<Topic | undefined> => {
    askedMs.set(name, runtime.clock.monotonic());
    const wireName = wireNameOf(name);
    const leaders = wireName === undefined ? undefined : (await requests.leaders([wireName])).get(wireName);
    if (wireName === undefined || leaders === undefined) return undefined;
    const topic = { name, wireName, partitions: leaders.length, leaders };
    known.set(name, topic);
    return topic;
  };

  const refresh = async (name: string): Promise<Topic | undefined> => {
    const topic = await renew(name);
    if (topic === undefined) known.delete(name);
    return topic;
  };

  const followed = (name: string): Topic | undefined => {
    const topic = known.get(name);
    const due = runtime.clock.monotonic() - (askedMs.get(name) ?? 0) > topicRefreshMs;
    if (topic !== undefined && due) renew(name).catch(() => {});
    return topic;
  };

  const require = async (name: string): Promise<Topic> => {
    const topic = known.get(name) ?? (await refresh(name));
    if (topic === undefined) throw new UnknownTopicError(wireNameOf(name) ?? name, await namesForPeople(requests));
    return topic;
  };

  const make = async (name: string, declared: number | undefined, otherwise: number): Promise<Topic> => {
    const existing = known.get(name) ?? (await refresh(name));
    const wanted = declared ?? existing?.partitions ?? otherwise;
    if (existing === undefined) {
      await requests.create({ topic: name, partitions: wanted, replicationFactor });
      runtime.log.info({ topic: name, partitions: wanted }, 'created topic');
    }
    const stored = existing ?? (await untilVisible(name));
    if (stored.partitions !== wanted) throw new TopologyMismatchError(name, stored.partitions, wanted);
    return stored;
  };

  const untilVisible = async (name: string): Promise<Topic> => {
    const until = runtime.clock.monotonic() + visible.withinMs;
    while (runtime.clock.monotonic() < until) {
      const topic = await refresh(name);
      if (topic?.leaders.every((leader) => leader >= 0)) return topic;
      await sleep(runtime.clock, visible.everyMs);
    }
    return require(name);
  };

  return {
    known: (name) => known.get(name),
    followed,
    require,
    refresh,
    renew,
    adopted,
    ensure: async (name, partitions) => {
      if (adopted(name) !== undefined) {
        const topic = await require(name);
        if (adopted(name)?.deadTopic !== null) await require(deadTopicOf(name));
        if (partitions !== undefined && topic.partitions !== partitions) {
          throw new TopologyMismatchError(name, topic.partitions, partitions);
        }
        return topic;
      }
      const topic = await make(name, partitions, settings.partitions);
      if (!isDeadTopic(name)) await make(deadTopicOf(name), undefined, topic.partitions);
      return topic;
    },
  };
};

const namesForPeople = async (requests: TopicRequests): Promise<readonly string[]> => {
  const names = await requests.names();
  return names.filter((name) => !name.startsWith('__')).sort();
};
