import type { HeldRow, Lane } from './held-row.ts';

/**
 * Lanes that wait and whose rows were put out of memory, so that others are read past them. Their rows are left out
 * wherever they are read, until the lane goes on; then all of them are read again, from the oldest.
 */
export interface Aside {
  readonly size: number;
  /** The lane of a row without order, if it was put aside. */
  loose(row: HeldRow): Lane | undefined;
  /** Remembers a lane and what is known of its first row. */
  put(lane: Lane, head: HeldRow): void;
  /** The lane may go on. */
  due(lane: Lane): void;
  /** Forgets those that may go on: their rows are taken in when they are read next. Gives them back. */
  bringBack(): readonly Lane[];
  /** Gives a row that is read again what is known of it. */
  recall(row: HeldRow): void;
}

/** What is known of a row that is not in memory. */
type Memory = Pick<HeldRow, 'seq' | 'attempt' | 'trouble'>;

/** A lane that waits aside keeps fewer errors: there may be many. */
const keptErrors = 2;

export const createAside = (): Aside => {
  const memories = new Map<Lane, Memory>();
  const loose = new Map<string, Lane>();
  let dueLanes: Lane[] = [];
  /** By number: of rows that are about to be read again. */
  const recalled = new Map<string, Memory>();

  return {
    get size() {
      return memories.size;
    },
    loose: ({ seq }) => (loose.size > 0 ? loose.get(seq) : undefined),
    put: (lane, { seq, attempt, trouble }) => {
      const kept = trouble && { ...trouble, errors: trouble.errors.slice(-keptErrors) };
      memories.set(lane, { seq, attempt, trouble: kept });
      if (lane.key === undefined) loose.set(seq, lane);
    },
    due: (lane) => {
      dueLanes.push(lane);
    },
    bringBack: () => {
      const back = dueLanes;
      dueLanes = [];
      // What was not read since is gone: somebody has parked it or put it elsewhere.
      if (recalled.size > memories.size) recalled.clear();
      for (const lane of back) {
        const memory = memories.get(lane);
        memories.delete(lane);
        if (memory === undefined) continue;
        loose.delete(memory.seq);
        recalled.set(memory.seq, memory);
      }
      return back;
    },
    recall: (row) => {
      const memory = recalled.size > 0 ? recalled.get(row.seq) : undefined;
      if (memory === undefined) return;
      recalled.delete(row.seq);
      row.attempt = memory.attempt;
      row.trouble = memory.trouble;
    },
  };
};
