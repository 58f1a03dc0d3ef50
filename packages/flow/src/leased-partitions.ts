import type { Assignment } from '@holdfast/core';
import type { Announcer } from './announcer.ts';
import type { IntakePartition } from './intake.ts';
import { type Lease, LeaseLostError } from './lease.ts';

/** A partition that a subscription owns by a lease. */
export interface LeasedPartition<Topic> {
  readonly topic: Topic;
  readonly lease: Lease;
  readonly assignment: Assignment;
  readonly taken: IntakePartition;
}

export interface LeasedPartitionsOptions<Topic, Partition> {
  readonly announcer: Announcer;
  /**
   * Finds out where the group goes on. What it resolves with makes the partition, after the subscriber has taken note and
   * only if the lease still holds.
   */
  readonly take: (topic: Topic, lease: Lease) => Promise<(assignment: Assignment) => Partition>;
  /** Stores what the partition has settled. */
  readonly flush: (partition: Partition) => Promise<void>;
  /** The owned partitions are others now. */
  readonly onChange: () => void;
  /** Resolves when the intake has closed, and nothing is waited for any more. */
  readonly drained: Promise<void>;
}

/** What a subscription owns, from lease to lease: what the callbacks of shared leases do. */
export interface LeasedPartitions<Topic, Partition> {
  readonly owned: readonly Partition[];
  /** The owned partition that an assignment's token is of; undefined when it has ended. */
  find(assignment: Assignment): Partition | undefined;
  /** Rejects when the lease is past its deadline by then: a later beat may still revive it, and nobody would work on it. */
  acquire(topic: Topic, lease: Lease): Promise<void>;
  /** Lets what runs end and settle, until the signal aborts; stores it; then the lease may go. */
  release(topic: Topic, lease: Lease, signal: AbortSignal): Promise<void>;
  /** Ends at once and stores nothing more. */
  lose(topic: Topic, lease: Lease): void;
}

export const createLeasedPartitions = <
  Topic extends { readonly name: string },
  Partition extends LeasedPartition<Topic>,
>(
  options: LeasedPartitionsOptions<Topic, Partition>,
): LeasedPartitions<Topic, Partition> => {
  const { announcer, take, flush, onChange, drained } = options;
  let owned: readonly Partition[] = [];

  const ofLease = (topic: Topic, lease: Lease): Partition | undefined =>
    owned.find((one) => one.lease === lease && one.topic === topic);

  const forget = (partition: Partition): void => {
    owned = owned.filter((one) => one !== partition);
    onChange();
  };

  return {
    get owned() {
      return owned;
    },
    find: ({ topic, partition, token }) =>
      owned.find(({ assignment: one }) => one.partition === partition && one.topic === topic && one.token === token),
    acquire: async (topic, lease) => {
      const assignment = { topic: topic.name, partition: lease.slot, token: lease.epoch };
      const make = await take(topic, lease);
      const noted = await announcer.assigned(assignment, lease.signal);
      if (!noted || !lease.holds()) {
        await announcer.revoked(assignment, AbortSignal.abort(lease.signal.reason));
        if (lease.signal.aborted) return;
        throw new LeaseLostError(topic.name, lease.slot, 'its time was over before it was taken up');
      }
      owned = [...owned, make(assignment)];
      onChange();
    },
    release: async (topic, lease, signal) => {
      const partition = ofLease(topic, lease);
      if (partition === undefined) return;
      await Promise.race([partition.taken.revoke(signal), drained]);
      await announcer.revoked(partition.assignment, signal);
      await flush(partition);
      forget(partition);
    },
    lose: (topic, lease) => {
      const partition = ofLease(topic, lease);
      if (partition === undefined) return;
      partition.taken.abandon();
      forget(partition);
      const why = lease.signal.reason ?? new LeaseLostError(topic.name, lease.slot, 'its time is over');
      void announcer.revoked(partition.assignment, AbortSignal.abort(why));
    },
  };
};
