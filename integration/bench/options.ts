import { parseArgs } from 'node:util';
import { benchmarks } from './benchmarks.ts';
import { peers } from './peers/peers.ts';

export interface BenchOptions {
  /** Groups and row numbers. */
  readonly rows: readonly string[];
  /** The packages of the libraries beside us that are measured too. */
  readonly peers: readonly string[];
  readonly quick: boolean;
  readonly json: boolean;
  /** What is measured is kept, and docs/performance.md is written from all that is kept. */
  readonly write: boolean;
  /** A missed gate of any other row fails nothing. Undefined: every row counts. */
  readonly onlyFail: readonly string[] | undefined;
}

/** The group that starts brokers, which takes longer than a quick run may. */
const brokers = 'transports';

export const readOptions = (argv: readonly string[]): BenchOptions => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      page: { type: 'boolean', default: false },
      'only-fail': { type: 'string', multiple: true },
    },
  });
  const { quick, json, write, page, 'only-fail': onlyFail } = values;
  const common = { quick, json, write: write || page, onlyFail };
  if (page) return { rows: [], peers: [], ...common };
  const packages = [...new Set(peers.map((peer) => peer.package))];
  if (positionals.length > 0) {
    const named = positionals.flatMap((name) => (name === 'peers' ? packages : [name]));
    return {
      rows: named.filter((name) => !packages.includes(name)),
      peers: packages.filter((name) => named.includes(name)),
      ...common,
    };
  }
  const groups = [...new Set(benchmarks.map(({ group }) => group))];
  return {
    rows: quick ? groups.filter((group) => group !== brokers) : groups,
    peers: quick || json ? [] : packages,
    ...common,
  };
};
