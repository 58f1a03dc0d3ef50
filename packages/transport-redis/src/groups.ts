import { type GroupDescription, type StartPosition, UnknownTopicError } from '@holdfast/core';
import type { Connection } from './connection.ts';
import type { Keys } from './keys.ts';
import { readGroups } from './lua/groups.ts';
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
}

export const createGroups = (connection: Connection, keys: Keys): Groups => {
  const has = async (stream: string, group: string): Promise<boolean> => {
    const groups = await runScript(connection, readGroups, { keys: [stream], args: [] });
    return textsOf(groups).some((value, at) => at % 3 === 0 && value === group);
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
      await connection.call('xgroup', ['CREATE', stream, group, id, ...make]);
      return true;
    } catch (error) {
      const code = replyCode(error);
      if (code === 'BUSYGROUP') return false;
      // When its memory is full Redis refuses even to look; whoever joins a group that exists is who frees memory.
      if (code === 'OOM' && (await has(stream, group))) return false;
      if (error instanceof Error && /requires the key to exist/.test(error.message)) {
        throw new UnknownTopicError(`${topic.name} (adopted stream '${stream}')`, []);
      }
      throw error;
    }
  };

  return {
    create: async (topic, group, from) => {
      const id = from === 'latest' ? '$' : '0';
      await Promise.all(partitionsOf(topic).map((partition) => createIn(topic, partition, { group, id })));
    },
    heal: (topic, group, partition) => createIn(topic, partition, { group, id: '0' }),
    read: async (topic) => {
      const replies = await Promise.all(
        partitionsOf(topic).map((partition) =>
          runScript(connection, readGroups, { keys: [keys.stream(topic, partition)], args: [] }),
        ),
      );
      const lags = new Map<string, { partitions: number; lag: number }>();
      for (const reply of replies) {
        const values = Array.isArray(reply) ? reply : [];
        for (let at = 0; at < values.length; at += 3) {
          const name = String(values[at]);
          const known = lags.get(name) ?? { partitions: 0, lag: 0 };
          lags.set(name, {
            partitions: known.partitions + 1,
            lag: known.lag + Number(values[at + 1]) + Number(values[at + 2]),
          });
        }
      }
      return [...lags]
        .filter(([, { partitions }]) => partitions === topic.partitions)
        .map(([group, { lag }]) => ({ group, lag }))
        .sort((a, b) => (a.group < b.group ? -1 : 1));
    },
  };
};

export const partitionsOf = ({ partitions }: Topic): readonly number[] =>
  Array.from({ length: partitions }, (_, n) => n);
