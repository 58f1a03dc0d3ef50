import type { KafkaRecord } from './driver.ts';

/** What was fetched of a partition and is not taken in yet, in its order. */
export interface Ahead {
  readonly length: number;
  /** Of how many answers it is. */
  readonly answers: number;
  /** What it takes in memory: what came with one answer, for as long as any of it is there, since it is one piece. */
  readonly bytes: number;
  add(records: readonly KafkaRecord[], bytes: number): void;
  /** At most so many, and none where an answer ends before. */
  take(most: number): readonly KafkaRecord[];
  clear(): void;
}

interface Answer {
  readonly records: readonly KafkaRecord[];
  readonly bytes: number;
}

export const createAhead = (): Ahead => {
  let answers: Answer[] = [];
  /** Of the first answer. */
  let taken = 0;
  let length = 0;
  let bytes = 0;
  return {
    get length() {
      return length;
    },
    get answers() {
      return answers.length;
    },
    get bytes() {
      return bytes;
    },
    add: (records, size) => {
      answers.push({ records, bytes: size });
      length += records.length;
      bytes += size;
    },
    take: (most) => {
      const [first] = answers;
      if (first === undefined) return [];
      const records = first.records.slice(taken, taken + most);
      taken += records.length;
      length -= records.length;
      if (taken === first.records.length) {
        answers.shift();
        bytes -= first.bytes;
        taken = 0;
      }
      return records;
    },
    clear: () => {
      answers = [];
      taken = length = bytes = 0;
    },
  };
};
