/** The right to the sequences of one partition: `epoch` fences. */
export interface SequenceClaim {
  /** What is partitioned: a topic. */
  readonly source: string;
  readonly partition: number;
  readonly epoch: string;
}
