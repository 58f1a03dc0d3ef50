import type { Runtime } from '@holdfast/core';
import type { Count, Ending } from './ending.ts';

/** What became of the deliveries of this consumer since it was made. Each is counted once: `delivered` is the sum of the rest. */
export interface ConsumerStats {
  readonly delivered: number;
  /** Their handler succeeded. */
  readonly acked: number;
  /** Turned away because they had taken effect before. */
  readonly duplicates: number;
  /** No handler for their type. */
  readonly ignored: number;
  /** Stored to be handled later; with `store-first` each is delivered again, from the store. */
  readonly stored: number;
  readonly retried: number;
  readonly rejected: number;
  /** Given up unsettled, because the partition went elsewhere or the consumer closed. */
  readonly handedBack: number;
  readonly inFlight: number;
}

export interface Tally {
  begin(): void;
  end(ending: Ending): void;
  read(): ConsumerStats;
}

export const createTally = ({ meter }: Pick<Runtime, 'meter'>, group: string): Tally => {
  const counts: Record<Count, number> = {
    acked: 0,
    duplicates: 0,
    ignored: 0,
    stored: 0,
    retried: 0,
    rejected: 0,
    handedBack: 0,
  };
  const names = Object.keys(counts) as Count[];
  const attributes = Object.fromEntries(names.map((outcome) => [outcome, { group, outcome }])) as Record<
    Count,
    { readonly group: string; readonly outcome: Count }
  >;
  let delivered = 0;
  let inFlight = 0;
  return {
    begin: () => {
      delivered++;
      inFlight++;
    },
    end: ({ count }) => {
      inFlight--;
      counts[count]++;
      meter.count('holdfast.consumer.deliveries', 1, attributes[count]);
    },
    read: () => ({ delivered, ...counts, inFlight }),
  };
};
