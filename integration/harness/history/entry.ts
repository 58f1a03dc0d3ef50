/** What a history tells of: a message published, its effect, its parking and un-parking, and a write under a claim. */
export type Step = 'publish' | 'effect' | 'park' | 'unpark' | 'write';

/**
 * One line of a history. `invoke` is written before the attempt; `ok` and `fail` say what surely happened or surely did not;
 * `info`, or an `invoke` that nothing follows, leaves it open.
 */
export interface Entry {
  /** When, in microseconds; comparable between the processes of one machine. */
  readonly t: number;
  /** The process. */
  readonly p: string;
  readonly f: Step;
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  /** The message's id; of a write, what was written. */
  readonly id: string;
  /** The message's key; of a write, what was claimed: a shard, a partition. */
  readonly key?: string;
  /** The message's number within its key, from its publisher. */
  readonly seq?: number;
  /** The claim's epoch; only of a write. */
  readonly epoch?: string;
}

/** An entry without what its recorder knows. */
export type NewEntry = Omit<Entry, 't' | 'p'>;
