import { max, median, min } from 'simple-statistics';
import type { Benchmark, Comparison, Measure, Pair } from './benchmark.ts';

/** What `--json` prints for each measure. */
export interface Result {
  readonly row: number;
  readonly group: string;
  readonly name: string;
  readonly ours: number;
  /** Null: nothing is beside it. */
  readonly beside: number | null;
  readonly unit: string;
  readonly compare: Comparison;
  /** What is held against the gate: the median over the rounds of ours over beside, ours minus beside, or ours. */
  readonly ratio: number;
  /** The lowest and the highest of the rounds. */
  readonly spread: readonly [number, number];
  readonly bound: Measure['bound'];
  readonly gate: number;
  readonly goal: number;
  readonly ok: boolean;
}

/** Medians over the rounds. A ratio is taken within its round, where both sides had the same weather. */
export const resultOf = ({ row, group }: Benchmark, measure: Measure, pairs: readonly Pair[]): Result => {
  const compared = pairs.map((pair) => comparePair(measure.compare, pair));
  const ratio = median(compared);
  const { name, unit, compare, bound, gate, goal } = measure;
  return {
    ...{ row, group, name },
    ours: median(pairs.map(({ ours }) => ours)),
    beside: compare === 'alone' ? null : median(pairs.map(({ beside }) => beside)),
    ...{ unit, compare, ratio },
    spread: [min(compared), max(compared)],
    ...{ bound, gate, goal },
    ok: bound === 'at least' ? ratio >= gate : ratio <= gate,
  };
};

const comparePair = (compare: Comparison, { ours, beside }: Pair): number => {
  switch (compare) {
    case 'ratio':
      return ours / beside;
    case 'difference':
      return ours - beside;
    case 'alone':
      return ours;
  }
};
