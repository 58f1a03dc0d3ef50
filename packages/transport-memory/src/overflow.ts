import type { Message } from '@holdfast/core';
import type { Topic } from './broker.ts';
import { TopicFullError } from './errors.ts';
import type { Settings } from './options.ts';
import type { Partition } from './partition.ts';

export interface FullPlace {
  readonly settings: Settings;
  readonly topic: Topic;
  readonly partition: Partition;
  /** What ends a wait; made only where there is one. */
  readonly waiting: () => AbortSignal;
}

/**
 * What the topic's policy makes of a message for which its partition has no room: `store` when there is room now,
 * `gone` when the message went elsewhere or nowhere. Rejects when it may not be taken.
 */
export const makeRoom = async (full: FullPlace, message: Message): Promise<'store' | 'gone'> => {
  const { topic, partition } = full;
  switch (topic.overflow.policy) {
    case 'block':
      await untilRoom(full);
      return 'store';
    case 'fail':
      throw new TopicFullError(topic.name, partition.number, partition.unsettled());
    case 'drop-newest':
      reportDropped(full, message, 'drop-newest');
      return 'gone';
    case 'drop-oldest': {
      const oldest = partition.dropOldest();
      if (oldest !== undefined) reportDropped(full, oldest, 'drop-oldest');
      return 'store';
    }
    case 'spill':
      await topic.overflow.spill({ topic: topic.name, partition: partition.number, message });
      full.settings.runtime.meter.count('holdfast.memory.spilled', 1, { topic: topic.name });
      return 'gone';
  }
};

const untilRoom = async ({ settings, topic, partition, waiting }: FullPlace): Promise<void> => {
  const { log, meter } = settings.runtime;
  meter.count('holdfast.memory.blocked', 1, { topic: topic.name });
  log.debug({ topic: topic.name, partition: partition.number }, 'publish waits: the partition is full');
  const signal = waiting();
  while (partition.isFull()) await partition.whenMoved(signal);
};

const reportDropped = ({ settings, topic, partition }: FullPlace, message: Message, reason: string): void => {
  const { log, meter } = settings.runtime;
  meter.count('holdfast.memory.dropped', 1, { topic: topic.name, reason });
  log.warn(
    { topic: topic.name, partition: partition.number, id: message.id, reason },
    'dropped a message: the partition is full',
  );
};
