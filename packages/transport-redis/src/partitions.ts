import type { Assignment, Runtime, SubscribeOptions } from '@holdfast/core';
import { type Intake, type Lease, LeaseLostError, settledOrAborted } from '@holdfast/flow';
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

/** What a subscription owns, from lease to lease. */
export interface Partitions {
  readonly owned: readonly OwnedPartition[];
  /** The owned partition that an assignment's token is of; undefined when it has ended. */
  find(assignment: Assignment): OwnedPartition | undefined;
  acquire(topic: Topic, lease: Lease): Promise<void>;
  /** Lets what runs end and settle, until the signal aborts; acks it; then the lease may go. */
  release(lease: Lease, topic: Topic, signal: AbortSignal): Promise<void>;
  /** Ends at once and acks nothing more. */
  lose(topic: Topic, lease: Lease): void;
}

/** A guess, until something has been read: not so small that the first read is slow, nor so large that it is huge. */
const guessedEntryBytes = 16_384;

export const createPartitions = (options: PartitionsOptions): Partitions => {
  const { keys, take, acker, intake, subscribing, runtime, onChange, drained } = options;
  const { group, onAssigned, onRevoked } = subscribing;
  const { log } = runtime;
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
    const placeKeys = [keys.stream(topic, lease.slot), keys.fences(topic, lease.slot)] as const;
    const { cursor, pending } = await take({ topic, lease, keys: placeKeys });
    await onAssigned?.(assignment);
    if (!lease.holds()) return revoked(assignment, AbortSignal.abort(lease.signal.reason));
    const partition: OwnedPartition = {
      ...{ topic, lease, assignment, cursor, keys: placeKeys },
      taken: intake.assign(assignment, (position) => acker.settle(partition, position)),
      open: [],
      settled: [],
      replayFrom: pending > 0 ? '0' : undefined,
      more: true,
      entryBytes: guessedEntryBytes,
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
      await acker.flush(partition);
      forget(partition);
    },
    lose: (topic, lease) => {
      const partition = ofLease(topic, lease);
      if (partition === undefined) return;
      partition.taken.abandon();
      forget(partition);
      const why = lease.signal.reason ?? new LeaseLostError(topic.name, lease.slot, 'its time is over');
      void revoked(partition.assignment, AbortSignal.abort(why));
    },
  };
};
