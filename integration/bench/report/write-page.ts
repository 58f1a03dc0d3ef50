import { writeFile } from 'node:fs/promises';
import { benchmarks } from '../benchmarks.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import type { Result } from '../harness/result.ts';
import { latencyRate, type PeerResult } from '../peers/peers.ts';
import { costs } from './costs.ts';
import { limits } from './limits.ts';
import type { Machine } from './machine.ts';
import { boundText, comparedText, number, valueText } from './numbers.ts';

const page = new URL('../../../docs/performance.md', import.meta.url);

export interface Findings {
  readonly machine: Machine;
  readonly results: readonly Result[];
  readonly peers: readonly PeerResult[];
}

/** Writes docs/performance.md. */
export const writePage = async ({ machine, results, peers }: Findings): Promise<void> => {
  const sections = [
    introduction(machine),
    table(results),
    '## What each number means',
    ...benchmarks.map((benchmark) => explanation(benchmark, results)),
    limits,
    peerTable(peers),
    costs,
  ];
  await writeFile(page, `${sections.join('\n\n')}\n`);
};

const introduction = ({ cpu, memory, system, node, postgres, holdfast, date }: Machine): string => `# Performance

<!-- Written by \`npm run bench\` (integration/bench); changes made by hand are lost. -->

Every number of ours stands beside the raw path, run in the same process against the same server, in rounds that take
turns: the ratio is the number that travels to other machines, the absolute ones do not. A ratio is taken within each round;
shown are its median and, in brackets, the lowest and the highest round.

| | |
|---|---|
| command | \`npm run bench\` |
| date | ${date} |
| machine | ${cpu}, ${memory}, ${system} |
| Holdfast | ${holdfast} |
| Node | ${node} |
| Postgres | ${postgres}; fsync and synchronous commits on, as it comes |`;

const table = (results: readonly Result[]): string =>
  [
    '| # | | ours | beside | ratio | gate | goal | |',
    '|---|---|---|---|---|---|---|---|',
    ...results.map((result) => {
      const { row, name, ours, beside, unit, gate, goal, ok } = result;
      const bounds = `${boundText(result, gate)} | ${boundText(result, goal)}`;
      const values = `${valueText(ours, unit)} | ${valueText(beside, unit)} | ${comparedText(result)}`;
      return `| ${row} | ${name} | ${values} | ${bounds} | ${ok ? 'ok' : '**missed**'} |`;
    }),
  ].join('\n');

const explanation = ({ row, ours, beside, explains }: Benchmark, results: readonly Result[]): string => {
  const found = results.filter((result) => result.row === row);
  const numbers = found.map((result) => `${result.name} ${comparedText(result)}`).join('; ');
  return `### ${row}. ${ours.charAt(0).toUpperCase()}${ours.slice(1)}

Beside it: ${beside}. **${numbers}.**

${explains}`;
};

const peerTable = (peers: readonly PeerResult[]): string =>
  [
    '## Beside other libraries',
    '',
    'Messages of 200 bytes are added one by one, each in a transaction of its own, as each library says to do it inside a ' +
      'business transaction. *rows/s* is a backlog of 20,000 given to a handler that does nothing; latency is from the begin of ' +
      `the adding transaction to the handler, at ${latencyRate} messages a second. One server, one process each, the same ` +
      'durability: every commit of every library waits for the disk unless the library itself decides otherwise. They promise ' +
      'different things, so read the second column too.',
    '',
    '| | set up | version | rows/s | p50 | p99 |',
    '|---|---|---|---|---|---|',
    ...peers.map(
      ({ name, setUp, version, rowsPerSecond, p50Ms, p99Ms }) =>
        `| ${name} | ${setUp} | ${version} | ${number(rowsPerSecond)} | ${number(p50Ms)} ms | ${number(p99Ms)} ms |`,
    ),
  ].join('\n');
