import type { Runtime, SubscribeOptions } from '@holdfast/core';
import {
  createAnnouncer,
  createBatcher,
  createLeasedPartitions,
  createPositionKeeper,
  type Intake,
  type LeasedPartitions,
} from '@holdfast/flow';
import type { Execute } from './execute.ts';
import { isFatal } from './is-fatal.ts';
import { type OwnedPartition, scopeOf } from './owned-partition.ts';
import {
  GroupMissingError,
  type Place,
  readCursors,
  type Settled,
  type StoredCursor,
  storePositions,
} from './positions.ts';
import type { Topic } from './topics.ts';

export interface PartitionsOptions {
  readonly execute: Execute;
  readonly intake: Pick<Intake, 'assign'>;
  readonly subscribing: Pick<SubscribeOptions, 'group' | 'onAssigned' | 'onRevoked'>;
  readonly runtime: Runtime;
  /** The owned partitions are others now, or have room. */
  readonly onChange: () => void;
  /** A partition could not be taken up, and trying again cannot help. */
  readonly onFatal: (error: unknown) => void;
  /** Resolves when the intake has closed, and nothing is waited for any more. */
  readonly drained: Promise<void>;
}

/** With why positions cannot be stored at the moment. */
export interface Partitions extends LeasedPartitions<Topic, OwnedPartition> {
  readonly failure: unknown;
}

/** What a subscription owns of the log: from where it reads each partition, and up to where it has stored it as settled. */
export const createPartitions = (options: PartitionsOptions): Partitions => {
  const { execute, intake, subscribing, runtime, onChange, onFatal, drained } = options;
  const { group } = subscribing;
  const keeper = createPositionKeeper<string, OwnedPartition>({
    ...{ group, runtime },
    store: (partitions) => storePositions(execute, group, partitions.map(settledOf)),
    mayStore: ({ lease }) => lease.holds(),
  });
  // Partitions that come together are looked up together.
  const cursors = createBatcher({
    maxSize: 1_000,
    run: (places: readonly Place[]) => readCursors(execute, group, places),
  });

  /** Where the group goes on in a partition. */
  const goingOn = async (topic: Topic, partition: number): Promise<StoredCursor> => {
    try {
      const stored = await cursors.submit({ topicId: topic.id, partition });
      if (stored === undefined) throw new GroupMissingError(topic.name, group, partition);
      return stored;
    } catch (error) {
      if (error instanceof GroupMissingError || isFatal(error)) onFatal(error);
      throw error;
    }
  };

  const partitions = createLeasedPartitions<Topic, OwnedPartition>({
    ...{ onChange, drained },
    announcer: createAnnouncer(subscribing, runtime),
    take: async (topic, lease) => {
      const { incarnation, ...cursor } = await goingOn(topic, lease.slot);
      return (assignment) => {
        const partition: OwnedPartition = {
          ...{ topic, lease, assignment, incarnation, cursor },
          scope: scopeOf(topic, group),
          taken: intake.assign(assignment, (position) => {
            partition.settledTo = position;
            keeper.mark(partition);
          }),
          settledTo: String(cursor.position),
          storedTo: String(cursor.position),
          pending: 0,
          more: true,
          servedAt: 0,
        };
        return partition;
      };
    },
    flush: keeper.flush,
  });
  return {
    acquire: partitions.acquire,
    release: partitions.release,
    lose: partitions.lose,
    find: partitions.find,
    get owned() {
      return partitions.owned;
    },
    get failure() {
      return keeper.failure;
    },
  };
};

const settledOf = ({ topic, scope, lease, incarnation, settledTo }: OwnedPartition): Settled => ({
  topicId: topic.id,
  partition: lease.slot,
  scope,
  epoch: lease.epoch,
  incarnation,
  settledTo,
});
