import type { Benchmark, Pair } from './benchmark.ts';
import { type Result, resultOf } from './result.ts';
import type { Scene } from './scene.ts';

/** Runs all rounds of a benchmark, after one that only warms up where there are several. */
export const runBenchmark = async (benchmark: Benchmark, scene: Scene): Promise<readonly Result[]> => {
  const rounds = await benchmark.open(scene);
  try {
    const count = scene.size(...benchmark.rounds);
    if (count > 1 && !scene.quick) await rounds.round();
    const pairs: (readonly Pair[])[] = [];
    while (pairs.length < count) pairs.push(await rounds.round());
    return benchmark.measures.map((measure, index) =>
      resultOf(
        benchmark,
        measure,
        pairs.map((round) => pairOf(round, index)),
      ),
    );
  } finally {
    await rounds.close();
  }
};

const pairOf = (round: readonly Pair[], index: number): Pair => {
  const pair = round[index];
  if (pair === undefined) throw new RangeError(`a round gave ${round.length} pairs; expected one per measure`);
  return pair;
};
