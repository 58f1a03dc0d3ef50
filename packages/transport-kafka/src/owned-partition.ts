import type { Assignment } from '@holdfast/core';
import type { IntakePartition } from '@holdfast/flow';
import type { Ahead } from './ahead.ts';
import type { Fetched } from './driver.ts';
import type { Topic } from './topics.ts';

/** A partition while this subscription owns it: from where it reads, and up to where it has settled. */
export interface OwnedPartition {
  readonly topic: Topic;
  readonly partition: number;
  readonly assignment: Assignment;
  /** Aborts when the claim has ended. */
  readonly ended: AbortController;
  phase: 'starting' | 'active' | 'leaving' | 'over';
  /** Undefined until it is active. */
  taken: IntakePartition | undefined;
  /** The offset to fetch from. */
  next: bigint;
  /** Fetched, and not taken in yet. */
  readonly ahead: Ahead;
  /** Everything below this offset is settled. */
  settledTo: bigint;
  /** Everything below this offset is stored as settled. */
  storedTo: bigint;
  /** Past the last record that was fetched, where it is not the next one: what is between is not for readers. */
  readonly tail: { after: string; next: bigint };
}

/** The partition's name on the broker. */
export const placeOf = ({
  topic,
  partition,
}: OwnedPartition): { readonly topic: string; readonly partition: number } => ({
  topic: topic.wireName,
  partition,
});

/** Goes on at an offset with nothing for readers before it. True: that much more is settled, and to be stored. */
export const goOnFrom = (claim: OwnedPartition, next: bigint): boolean => {
  const idle = claim.settledTo === claim.next;
  claim.next = next;
  claim.tail.next = next;
  if (!idle || claim.settledTo === next) return false;
  claim.settledTo = next;
  return true;
};

/** True as with {@link goOnFrom}. */
export const takeIn = (claim: OwnedPartition, { records, next, bytes }: Fetched): boolean => {
  const last = records.at(-1);
  if (last === undefined) return goOnFrom(claim, next);
  claim.ahead.add(records, bytes);
  claim.next = next;
  claim.tail.after = last.offset;
  claim.tail.next = next;
  return false;
};

/** What the intake calls a position, as the offset up to which everything is settled with it. */
export const settledAt = ({ tail }: OwnedPartition, position: string): bigint =>
  position === tail.after ? tail.next : BigInt(position) + 1n;
