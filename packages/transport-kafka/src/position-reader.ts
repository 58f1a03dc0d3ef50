import { sleep } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import type { KafkaLink, Place, PlaceOffset } from './driver.ts';
import type { Settings } from './options.ts';
import type { Topic } from './topics.ts';

export interface PositionReaderOptions {
  readonly link: KafkaLink;
  readonly group: string;
  /** Where the group starts where it has no position, by name of the topic and partition. */
  readonly starts: ReadonlyMap<string, readonly (bigint | undefined)[]>;
  readonly commit: (offsets: readonly PlaceOffset[]) => Promise<void>;
  readonly settings: Settings;
}

/** Where the group goes on in a partition. Tried again until it works; rejects when the signal aborts. */
export type PositionReader = (topic: Topic, partition: number, signal: AbortSignal) => Promise<bigint>;

const againMs = 500;

/** Partitions that come together are looked up together. */
export const createPositionReader = (options: PositionReaderOptions): PositionReader => {
  const { link, group, starts, commit } = options;
  const { clock, log } = options.settings.runtime;
  const committed = createBatcher({
    maxSize: 1_000,
    run: (places: readonly Place[]) => link.groups.committed(group, places),
  });

  const read = async (topic: Topic, partition: number): Promise<bigint> => {
    const place = { topic: topic.wireName, partition };
    const position = await committed.submit(place);
    if (position !== undefined) return position;
    const start = starts.get(topic.name)?.[partition] ?? (await firstOf(topic, partition));
    log.warn({ group, topic: topic.name, partition, from: String(start) }, 'a group had no position in a partition');
    await commit([{ ...place, offset: start }]);
    return start;
  };

  /** The partition was added since the group subscribed: all that is in it was published after the group was created. */
  const firstOf = async ({ wireName }: Topic, partition: number): Promise<bigint> =>
    (await link.topics.endsOf(wireName, partition)).first;

  return async (topic, partition, signal) => {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await read(topic, partition);
      } catch (error) {
        log.warn({ error, group, topic: topic.name, partition }, 'a position could not be read; trying again');
      }
      await sleep(clock, againMs, signal);
    }
  };
};
