import { parseArgs } from 'node:util';
import { benchmarks } from './benchmarks.ts';

export interface BenchOptions {
  /** Groups and row numbers. */
  readonly rows: readonly string[];
  /** The libraries beside us are measured too. */
  readonly peers: boolean;
  /** Nothing was named: everything is measured. */
  readonly whole: boolean;
  readonly quick: boolean;
  readonly json: boolean;
}

export const readOptions = (argv: readonly string[]): BenchOptions => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
  });
  const { quick, json } = values;
  const whole = positionals.length === 0;
  return {
    rows: whole ? [...new Set(benchmarks.map(({ group }) => group))] : positionals.filter((name) => name !== 'peers'),
    peers: whole ? !quick && !json : positionals.includes('peers'),
    ...{ whole, quick, json },
  };
};
