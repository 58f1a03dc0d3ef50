import type { Assignment } from '@holdfast/core';
import type { IntakePartition } from '@holdfast/flow';
import type { KafkaRecord } from './driver.ts';
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
  readonly ahead: KafkaRecord[];
  aheadBytes: number;
  /** Everything below this offset is settled. */
  settledTo: bigint;
  /** Everything below this offset is stored as settled. */
  storedTo: bigint;
  /** Past the last record that was fetched, where it is not the next one: what is between is not for readers. */
  readonly tail: { after: string; next: bigint };
  /** Whether the last fetch may have left something behind. */
  more: boolean;
}

/** The partition's name on the broker. */
export const placeOf = ({
  topic,
  partition,
}: OwnedPartition): { readonly topic: string; readonly partition: number } => ({
  topic: topic.wireName,
  partition,
});
