import type { Scene } from './scene.ts';

/** What of a pair is held against the gate: ours over beside, ours minus beside, or ours with nothing beside it. */
export type Comparison = 'ratio' | 'difference' | 'alone';

/** One number that a benchmark gives, and what it has to reach. */
export interface Measure {
  readonly name: string;
  readonly unit: string;
  readonly compare: Comparison;
  /** Which side of the gate and the goal is good. */
  readonly bound: 'at least' | 'at most';
  readonly gate: number;
  readonly goal: number;
}

/** A number of ours and the one that the raw path gave in the same round; NaN where nothing is beside it. */
export interface Pair {
  readonly ours: number;
  readonly beside: number;
}

/** A row of the table: data, and rounds that give a pair for each measure. */
export interface Benchmark {
  readonly row: number;
  readonly group: string;
  /** What runs, for people. */
  readonly ours: string;
  readonly beside: string;
  /** What the numbers mean, for the page. */
  readonly explains: string;
  readonly measures: readonly Measure[];
  /** How many rounds count, in a full run and in a quick one. */
  readonly rounds: readonly [full: number, quick: number];
  open(scene: Scene): Promise<Rounds>;
}

export interface Rounds {
  /** One pair per measure, in their order. */
  round(): Promise<readonly Pair[]>;
  close(): Promise<void>;
}

/** Runs one side of a round; gives a number per measure. */
export type Side = () => Promise<readonly number[]>;

/** Both sides after each other, and the other way round in the next round, so that what drifts hits both. */
export const interleaved = (ours: Side, beside: Side): Rounds['round'] => {
  let oursFirst = false;
  return async () => {
    oursFirst = !oursFirst;
    const first = oursFirst ? await ours() : await beside();
    const second = oursFirst ? await beside() : await ours();
    const [mine, theirs] = oursFirst ? [first, second] : [second, first];
    return mine.map((value, index) => ({ ours: value, beside: theirs[index] ?? Number.NaN }));
  };
};
