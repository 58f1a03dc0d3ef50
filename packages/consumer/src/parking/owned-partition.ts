import type { Assignment, Message } from '@holdfast/core';
import type { SequenceClaim } from '@holdfast/inbox';
import type { Suspicion } from './suspicion.ts';

/** A key that waits in the store. Another one of the same name, parked later, is another object. */
export interface ParkedLane {
  /** While it may go back to the live path: what comes meanwhile waits for the answer. */
  resting: Promise<unknown> | undefined;
  /** It is being drained. */
  draining: boolean;
}

/** A partition that this process owns, and what it knows of it without asking. */
export interface OwnedPartition {
  readonly assignment: Assignment;
  claim: SequenceClaim;
  /** Whose messages go to the store. */
  readonly parked: Map<string, ParkedLane>;
  /** Keys of which a message is with its handler, whether it came from the broker or from the store. */
  readonly running: Set<string>;
  /** Its keys that are being drained. None of them rejects. */
  readonly drains: Set<Promise<void>>;
  /** Undefined while nothing of it is suspected. */
  suspicion: Suspicion | undefined;
  /** Aborts what is drained when the claim has ended. */
  readonly ending: AbortController;
  /** Nothing more of it is drained; what is may end. */
  closing: boolean;
  /** The claim is renewed: a late owner had fenced it. */
  renewing: Promise<void> | undefined;
}

/** What stays in order: as the transports take it, a message without a key by itself. */
export const laneOf = ({ key, id }: Message, ordered: boolean): string => (ordered ? (key ?? id) : id);

/** Marks a key as parked, unless it is. */
export const markParked = ({ parked }: OwnedPartition, lane: string): ParkedLane => {
  const known = parked.get(lane);
  if (known !== undefined) return known;
  const marked: ParkedLane = { resting: undefined, draining: false };
  parked.set(lane, marked);
  return marked;
};

/** The key is back on the live path, unless it was parked again since. */
export const unmarkParked = ({ parked }: OwnedPartition, lane: string, marked: ParkedLane | undefined): void => {
  if (parked.get(lane) === marked) parked.delete(lane);
};
