import type { Assignment, Runtime, SubscribeOptions } from '@holdfast/core';
import { createBatcher, type Intake, settledOrAborted } from '@holdfast/flow';
import { type Lease, LeaseLostError } from '@holdfast/postgres';
import type { Execute } from './execute.ts';
import { type OwnedPartition, scopeOf } from './owned-partition.ts';
import { createPositionKeeper } from './position-keeper.ts';
import { type Place, readCursors } from './positions.ts';
import type { Topic } from './topics.ts';

export interface PartitionsOptions {
  readonly execute: Execute;
  readonly intake: Pick<Intake, 'assign'>;
  readonly subscribing: Pick<SubscribeOptions, 'group' | 'onAssigned' | 'onRevoked'>;
  readonly runtime: Runtime;
  /** The owned partitions are others now, or have room. */
  readonly onChange: () => void;
  /** Resolves when the intake has closed, and nothing is waited for any more. */
  readonly drained: Promise<void>;
}

/** What a subscription owns, from lease to lease. */
export interface Partitions {
  readonly owned: readonly OwnedPartition[];
  /** The owned partition that an assignment's token is of; undefined when it has ended. */
  find(assignment: Assignment): OwnedPartition | undefined;
  acquire(topic: Topic, lease: Lease): Promise<void>;
  /** Lets what runs end and settle, until the signal aborts; stores it; then the lease may go. */
  release(lease: Lease, topic: Topic, signal: AbortSignal): Promise<void>;
  /** Ends at once and stores nothing more. */
  lose(topic: Topic, lease: Lease): void;
}

export const createPartitions = (options: PartitionsOptions): Partitions => {
  const { execute, intake, subscribing, runtime, onChange, drained } = options;
  const { group, onAssigned, onRevoked } = subscribing;
  const { log } = runtime;
  const keeper = createPositionKeeper(execute, group, runtime);
  // Partitions that come together are looked up together.
  const cursors = createBatcher({
    maxSize: 1_000,
    run: (places: readonly Place[]) => readCursors(execute, group, places),
  });
  let owned: readonly OwnedPartition[] = [];

  const ofLease = (topic: Topic, lease: Lease): OwnedPartition | undefined =>
    owned.find((one) => one.lease === lease && one.topic === topic);

  const forget = (partition: OwnedPartition): void => {
    owned = owned.filter((one) => one !== partition);
    onChange();
  };

  /** Waits for the subscriber no longer than the signal allows. */
  const revoked = (assignment: Assignment, signal: AbortSignal): Promise<void> => {
    const call = async (): Promise<void> => onRevoked?.(assignment, signal);
    const told = call().catch((error) => log.error({ ...assignment, group, error }, 'onRevoked failed'));
    return settledOrAborted(told, signal);
  };

  const acquire = async (topic: Topic, lease: Lease): Promise<void> => {
    const assignment = { topic: topic.name, partition: lease.slot, token: lease.epoch };
    const cursor = await cursors.submit({ topicId: topic.id, partition: lease.slot });
    await onAssigned?.(assignment);
    if (!lease.holds()) return revoked(assignment, AbortSignal.abort(lease.signal.reason));
    const onSettled = (position: string): void => {
      partition.settledTo = position;
      keeper.mark(partition);
    };
    const partition: OwnedPartition = {
      topic,
      scope: scopeOf(topic, group),
      lease,
      assignment,
      taken: intake.assign(assignment, onSettled),
      cursor,
      settledTo: String(cursor.position),
      storedTo: String(cursor.position),
      more: true,
      servedAt: 0,
    };
    owned = [...owned, partition];
    onChange();
  };

  return {
    get owned() {
      return owned;
    },
    find: ({ topic, partition, token }) =>
      owned.find(({ assignment: one }) => one.partition === partition && one.topic === topic && one.token === token),
    acquire,
    release: async (lease, topic, signal) => {
      const partition = ofLease(topic, lease);
      if (partition === undefined) return;
      await Promise.race([partition.taken.revoke(signal), drained]);
      await revoked(partition.assignment, signal);
      await keeper.flush(partition);
      forget(partition);
    },
    lose: (topic, lease) => {
      const partition = ofLease(topic, lease);
      if (partition === undefined) return;
      partition.taken.abandon();
      forget(partition);
      const why = lease.signal.reason ?? new LeaseLostError(scopeOf(topic, group), lease.slot, 'its time is over');
      void revoked(partition.assignment, AbortSignal.abort(why));
    },
  };
};
