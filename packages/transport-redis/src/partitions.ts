import type { Runtime, SubscribeOptions } from '@holdfast/core';
import {
  createAnnouncer,
  createLeasedPartitions,
  type Intake,
  type Lease,
  type LeasedPartitions,
} from '@holdfast/flow';
import type { Acker } from './acker.ts';
import type { Keys } from './keys.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { Taken } from './take-partition.ts';
import type { Topic } from './topic.ts';

export interface PartitionsOptions {
  readonly keys: Keys;
  readonly take: (place: {
    readonly topic: Topic;
    readonly lease: Lease;
    readonly keys: readonly string[];
  }) => Promise<Taken>;
  readonly acker: Acker;
  readonly intake: Pick<Intake, 'assign'>;
  readonly subscribing: Pick<SubscribeOptions, 'group' | 'onAssigned' | 'onRevoked'>;
  readonly runtime: Runtime;
  /** The owned partitions are others now. */
  readonly onChange: () => void;
  /** Resolves when the intake has closed, and nothing is waited for any more. */
  readonly drained: Promise<void>;
}

/** A guess, until something has been read: not so small that the first read is slow, nor so large that it is huge. */
const guessedEntryBytes = 16_384;

/** What a subscription owns of its streams: from where it reads each, and what it has settled and not acked. */
export const createPartitions = (options: PartitionsOptions): LeasedPartitions<Topic, OwnedPartition> => {
  const { keys, take, acker, intake, subscribing, runtime, onChange, drained } = options;
  return createLeasedPartitions({
    ...{ onChange, drained },
    announcer: createAnnouncer(subscribing, runtime),
    take: async (topic, lease) => {
      const placeKeys = [keys.stream(topic, lease.slot), keys.fences(topic, lease.slot)] as const;
      const { cursor, pending } = await take({ topic, lease, keys: placeKeys });
      return (assignment) => {
        const partition: OwnedPartition = {
          ...{ topic, lease, assignment, cursor, keys: placeKeys },
          taken: intake.assign(assignment, (position) => acker.settle(partition, position)),
          open: [],
          settled: [],
          replayFrom: pending > 0 ? '0' : undefined,
          brokenUntil: Number.NEGATIVE_INFINITY,
          more: true,
          entryBytes: guessedEntryBytes,
          servedAt: 0,
        };
        return partition;
      };
    },
    flush: acker.flush,
  });
};
