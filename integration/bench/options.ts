import { Command } from 'commander';
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

export const readOptions = (args: readonly string[]): BenchOptions => {
  const parsed = command().parse(args, { from: 'user' });
  const { quick = false, json = false, write = false, page = false, onlyFail } = parsed.opts<Flags>();
  const positionals = parsed.args;
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

interface Flags {
  readonly quick?: true;
  readonly json?: true;
  readonly write?: true;
  readonly page?: true;
  readonly onlyFail?: readonly string[];
}

const addTo = (row: string, before: readonly string[] = []): readonly string[] => [...before, row];

const command = (): Command =>
  new Command('bench')
    .description('Measures Holdfast beside the raw clients, in rounds that take turns. Exits 1 where a gate is missed.')
    .argument('[rows...]', 'groups, numbers of rows, `peers` or one of their packages (default: all)')
    .option('--quick', 'smaller, in under three minutes; without brokers and peers, unless they are named')
    .option('--json', 'print an array of results and nothing else')
    .option('--write', 'keep what was measured, and write docs/performance.md from all that is kept')
    .option('--page', 'measure nothing, only write the page')
    .option('--only-fail <row>', 'fail for the gates of this row only; may be given again', addTo);
