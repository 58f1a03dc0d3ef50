import type { Assignment, Runtime, SubscribeOptions } from '@holdfast/core';
import { createAnnouncer, type Intake, settledOrAborted } from '@holdfast/flow';
import type { Topic } from './broker.ts';
import type { Claim, Member } from './claims.ts';
import { createDeadline } from './deadline.ts';
import { createPump } from './pump.ts';
import { createReader, type Reader } from './reader.ts';

/** A subscription's part in its group: it reads what it is given, and drains what it gives back. */
export interface Membership extends Member {
  readonly assignments: readonly Assignment[];
}

export interface MembershipOptions {
  readonly topics: readonly Topic[];
  readonly options: SubscribeOptions;
  readonly intake: Intake;
  readonly runtime: Runtime;
  /** How long a partition that moves to another member waits for its handlers. */
  readonly drainMs: number;
  /** Aborts when nothing more is to be read. */
  readonly closing: AbortSignal;
  /** Aborts when nothing more is waited for. */
  readonly over: AbortSignal;
}

export const createMembership = (options: MembershipOptions): Membership => {
  const { topics, intake, runtime, drainMs, closing, over } = options;
  const { group } = options.options;
  const announce = createAnnouncer(options.options, runtime);
  const held = new Map<Claim, Reader>();
  let readers: readonly Reader[] = [];
  const pump = createPump({ intake, readers: () => readers, signal: closing });

  const take = async (claim: Claim): Promise<void> => {
    const assigned = await announce.assigned(assignmentOf(claim), closing);
    if (!assigned || closing.aborted) return;
    held.set(claim, createReader({ claim, group, intake, onMoved: pump.wake }));
    readers = [...held.values()];
    claim.partition.onStored.add(pump.wake);
    pump.wake();
  };

  const give = async (claim: Claim): Promise<void> => {
    const reader = held.get(claim);
    held.delete(claim);
    readers = [...held.values()];
    claim.partition.onStored.delete(pump.wake);
    const drain = createDeadline(runtime.clock, drainMs);
    const signal = AbortSignal.any([drain.signal, over]);
    if (reader !== undefined) await settledOrAborted(reader.taken.revoke(signal), over);
    await announce.revoked(assignmentOf(claim), signal);
    drain.cancel();
  };

  return {
    reads: (topic) => topics.some(({ name }) => name === topic),
    take,
    give,
    get assignments() {
      return readers.map(({ claim }) => assignmentOf(claim));
    },
  };
};

const assignmentOf = ({ topic, partition, token }: Claim): Assignment => ({
  topic,
  partition: partition.number,
  token,
});
