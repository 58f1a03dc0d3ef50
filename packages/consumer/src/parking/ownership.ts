import { setMaxListeners } from 'node:events';
import { type Assignment, type Delivery, type Runtime, sleep } from '@holdfast/core';
import { ClaimEndedError, settledOrAborted, within } from '@holdfast/flow';
import type { Sequences } from '@holdfast/inbox';
import { InboxUnavailableError } from '../errors.ts';
import { markParked, type OwnedPartition } from './owned-partition.ts';
import type { ParkingTrouble } from './parking-trouble.ts';
import { createSuspicion } from './suspicion.ts';

export interface OwnershipOptions {
  readonly sequences: Sequences;
  readonly trouble: ParkingTrouble;
  readonly maxInFlight: number;
  readonly runtime: Runtime;
  /** Something of a partition may have become due. */
  readonly onChange: () => void;
}

/** The partitions of this process, each with its number in the store. */
export interface Ownership {
  /** Rejects while the store cannot be reached: nothing of the partition is delivered before. */
  assigned(assignment: Assignment): Promise<void>;
  /** Lets what is drained end until `signal` aborts. */
  revoked(assignment: Assignment, signal: AbortSignal): Promise<void>;
  /** Of the claim that handed the message over. */
  find(delivery: Pick<Delivery, 'topic' | 'partition' | 'token'>): OwnedPartition | undefined;
  all(): readonly OwnedPartition[];
  /** A late owner took the number of a partition that is ours: a new one is drawn, unless our claim has ended too. */
  renew(owned: OwnedPartition): void;
  /** Ends whatever is drained. */
  abandon(): void;
}

/** How long an aborted handler of a drained message is waited for. */
const graceMs = 500;
const renewAgainMs = 1_000;

export const createOwnership = ({
  sequences,
  trouble,
  maxInFlight,
  runtime,
  onChange,
}: OwnershipOptions): Ownership => {
  const { clock, log } = runtime;
  const topics = new Map<string, Map<number, OwnedPartition>>();
  /** Lanes outlive a claim: who has the partition again waits for what still runs of the claim before. */
  const running = new Map<string, Set<string>>();

  const find: Ownership['find'] = ({ topic, partition, token }) => {
    const owned = topics.get(topic)?.get(partition);
    return owned?.assignment.token === token ? owned : undefined;
  };

  const runningOf = ({ topic, partition }: Assignment): Set<string> => {
    const place = `${topic}\n${partition}`;
    const known = running.get(place) ?? new Set();
    running.set(place, known);
    return known;
  };

  const end = (owned: OwnedPartition): void => {
    owned.closing = true;
    if (!owned.ending.signal.aborted) owned.ending.abort(new ClaimEndedError(owned.assignment));
  };

  const drained = (owned: OwnedPartition, signal: AbortSignal): Promise<void> =>
    settledOrAborted(Promise.all(owned.drains), signal);

  const renew = async (owned: OwnedPartition): Promise<void> => {
    const { topic, partition } = owned.assignment;
    while (!owned.closing) {
      try {
        const { claim, lanes } = await sequences.own(topic, partition, { again: true });
        for (const lane of lanes) markParked(owned, lane);
        owned.claim = claim;
        return onChange();
      } catch (error) {
        log.warn({ ...owned.assignment, error }, 'the store of parked messages cannot be reached; trying again');
        await sleep(clock, renewAgainMs, owned.ending.signal).catch(() => {});
      }
    }
  };

  return {
    assigned: async (assignment) => {
      const { topic, partition } = assignment;
      const { claim, lanes, deaths, suspects } = await sequences.own(topic, partition).catch((error: unknown) => {
        trouble.unavailable(new InboxUnavailableError(error));
        throw error;
      });
      trouble.over();
      const earlier = topics.get(topic)?.get(partition);
      if (earlier !== undefined) end(earlier);
      const ending = new AbortController();
      // Many handlers listen at once; Node would warn at eleven.
      setMaxListeners(0, ending.signal);
      const owned: OwnedPartition = {
        ...{ assignment, claim, parked: new Map(), running: runningOf(assignment), drains: new Set(), ending },
        ...{ closing: false, renewing: undefined },
        suspicion: createSuspicion({ deaths, suspects, maxInFlight, clock }),
      };
      for (const lane of lanes) markParked(owned, lane);
      const partitions = topics.get(topic) ?? new Map<number, OwnedPartition>();
      topics.set(topic, partitions.set(partition, owned));
      onChange();
    },
    revoked: async (assignment, signal) => {
      const owned = find(assignment);
      if (owned === undefined) return;
      owned.closing = true;
      await drained(owned, signal);
      end(owned);
      if (owned.drains.size > 0) await within(clock, graceMs, (limit) => drained(owned, limit));
      if (find(assignment) === owned) topics.get(assignment.topic)?.delete(assignment.partition);
      // Whatever it has left undone, this process lives.
      await sequences.disown(owned.claim).catch((error: unknown) => {
        log.info({ ...assignment, error }, 'the store of parked messages was not told of the end of a claim');
      });
    },
    find,
    all: () => [...topics.values()].flatMap((partitions) => [...partitions.values()]),
    renew: (owned) => {
      owned.renewing ??= renew(owned).finally(() => {
        owned.renewing = undefined;
      });
    },
    abandon: () => {
      for (const partitions of topics.values()) for (const owned of partitions.values()) end(owned);
    },
  };
};
