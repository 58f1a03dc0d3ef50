import type { Assignment } from '@holdfast/core';
import type { IntakePartition } from '@holdfast/flow';
import type { Lease } from '@holdfast/postgres';
import type { Cursor } from './log.ts';
import type { Topic } from './topics.ts';

/** A partition while this subscription owns it: from where it reads, and up to where it has settled. */
export interface OwnedPartition {
  readonly topic: Topic;
  readonly scope: string;
  readonly lease: Lease;
  readonly assignment: Assignment;
  readonly taken: IntakePartition;
  /** Of the server whose positions these are. */
  readonly incarnation: string;
  /** Everything up to here has been read. */
  cursor: Cursor;
  /** Asked for, or read and not taken in yet. */
  pending: number;
  /** Everything up to here is settled. */
  settledTo: string;
  /** Everything up to here is stored as settled. */
  storedTo: string;
  /** The last read left something behind, or did not come to this partition. */
  more: boolean;
  /** In which of the reader's looks it last got something. */
  servedAt: number;
}

/** Leases on the partitions of a topic, for a group. */
export const scopeOf = (topic: Topic, group: string): string => `log:${topic.id}:${group}`;
