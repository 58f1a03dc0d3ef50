import { type GroupDescription, type StartPosition, UnknownTopicError } from '@holdfast/core';
import type { Connection } from './connection.ts';
import type { Keys } from './keys.ts';
import { countAfter, createGroup, readGroups } from './lua/groups.ts';
import { replyCode } from './reply-error.ts';
import { runScript, textsOf } from './script.ts';
import type { Topic } from './topic.ts';

/** The groups of topics in Redis: one consumer group of the same name on each partition's stream. */
export interface Groups {
  /** Gives a group a position in every partition; a group that has them keeps them. An adopted stream must exist. */
  create(topic: Topic, group: string, from: StartPosition): Promise<void>;
  /** Makes a group again that was deleted, from the first message that is kept; says whether it was missing. */
  heal(topic: Topic, group: string, partition: number): Promise<boolean>;
  /** Which groups every partition has, and how many messages each has not settled. */
  read(topic: Topic): Promise<readonly GroupDescription[]>;
  /** As `read`, for people. Throws `unknown_topic` for an adopted stream that does not exist. */
  describe(topic: Topic): Promise<readonly GroupDescription[]>;
}

export const createGroups = (connection: Connection, keys: Keys): Groups => {
  const has = async (stream: string, group: string): Promise<boolean> => {
    const groups = await runScript(connection, readGroups, { keys: [stream], args: [] });
    return textsOf(groups).some((value, at) => at % 4 === 0 && value === group);
  };

  /** Entries after an id, in pages: each holds the server up for no longer than a read does. */
  const count = async (stream: string, after: string): Promise<number> => {
    let counted = 0;
    for (let from = after; counted < mostCounted; ) {
      const [more, last = from] = textsOf(await runScript(connection, countAfter, { keys: [stream], args: [from] }));
      if (Number(more) === 0) break;
      counted += Number(more);
      from = last;
    }
    return counted;
  };

  const readOne = async (stream: string): Promise<readonly GroupDescription[]> => {
    const values = textsOf(await runScript(connection, readGroups, { keys: [stream], args: [] }));
    const groups: GroupDescription[] = [];
    for (let at = 0; at < values.length; at += 4) {
      const [group = '', pending, undelivered, last = '0'] = values.slice(at, at + 4);
      const waiting = undelivered === '' ? await count(stream, last) : Number(undelivered);
      groups.push({ group, lag: Number(pending) + waiting });
    }
    return groups;
  };

  /** Says whether it was missing. */
  const createIn = async (
    topic: Topic,
    partition: number,
    { group, id }: { group: string; id: string },
  ): Promise<boolean> => {
    const stream = keys.stream(topic, partition);
    try {
      const make = topic.adopted === undefined ? ['MKSTREAM'] : [];
      await runScript(connection, createGroup, { keys: [stream], args: [group, id, ...make] });
      return true;
    } catch (error) {
      const code = replyCode(error);
      if (code === 'BUSYGROUP') return false;
      // When its memory is full Redis refuses even to look; whoever joins a group that exists is who frees memory.
      if (code === 'OOM' && (await has(stream, group))) return false;
      if (error instanceof Error && /requires the key to exist/.test(error.message)) {
        throw noSuchStream(topic, stream);
      }
      throw error;
    }
  };

  const read: Groups['read'] = async (topic) => {
    const streams = partitionsOf(topic).map((partition) => keys.stream(topic, partition));
    const found = await Promise.all(streams.map(readOne));
    const lags = new Map<string, { partitions: number; lag: number }>();
    for (const { group, lag } of found.flat()) {
      const known = lags.get(group) ?? { partitions: 0, lag: 0 };
      lags.set(group, { partitions: known.partitions + 1, lag: known.lag + lag });
    }
    return [...lags]
      .filter(([, { partitions }]) => partitions === topic.partitions)
      .map(([group, { lag }]) => ({ group, lag }))
      .sort((a, b) => (a.group < b.group ? -1 : 1));
  };

  return {
    create: async (topic, group, from) => {
      const id = from === 'latest' ? '$' : '0';
      await Promise.all(partitionsOf(topic).map((partition) => createIn(topic, partition, { group, id })));
    },
    heal: (topic, group, partition) => createIn(topic, partition, { group, id: '0' }),
    read,
    describe: async (topic) => {
      const stream = keys.stream(topic, 0);
      if (topic.adopted !== undefined && Number(await connection.call('exists', [stream])) === 0) {
        throw noSuchStream(topic, stream);
      }
      return read(topic);
    },
  };
};

const noSuchStream = ({ name }: Topic, stream: string): UnknownTopicError =>
  new UnknownTopicError(`${name} (adopted stream '${stream}')`, []);

/** Beyond this, a lag that Redis does not know is not counted. */
const mostCounted = 100_000;

export const partitionsOf = ({ partitions }: Topic): readonly number[] =>
  Array.from({ length: partitions }, (_, n) => n);
