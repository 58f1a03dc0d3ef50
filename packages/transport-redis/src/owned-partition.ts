import type { Assignment } from '@holdfast/core';
import type { IntakePartition, Lease } from '@holdfast/flow';
import type { Topic } from './topic.ts';

/** A partition while this subscription owns it: from where it reads, and what it has settled. */
export interface OwnedPartition {
  readonly topic: Topic;
  readonly lease: Lease;
  readonly assignment: Assignment;
  /** Of its stream and fences, in this order. */
  readonly keys: readonly [stream: string, fences: string];
  readonly taken: IntakePartition;
  /** Ids that were handed over and are not settled up to, in order. */
  readonly open: string[];
  /** Ids that are settled and not acked yet, in order. */
  settled: string[];
  /** What was pending when it was taken is read first, from here on; undefined: all of it has been. */
  replayFrom: string | undefined;
  /** The newest entry that the group has been given. */
  cursor: string;
  /** It could not be read: not before then is it tried again, on the monotonic clock. */
  brokenUntil: number;
  /** There may be something to read. */
  more: boolean;
  /** What an entry takes, from the last read, in bytes. */
  entryBytes: number;
  /** In which of the reader's looks it last got something. */
  servedAt: number;
}
