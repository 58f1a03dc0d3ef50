import { mkdir, writeFile } from 'node:fs/promises';
import { benchmarks } from '../benchmarks.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import type { Result } from '../harness/result.ts';
import { costs } from './costs.ts';
import type { Kept } from './kept.ts';
import { limits } from './limits.ts';
import { boundText, comparedText, valueText } from './numbers.ts';
import { peerTable } from './peer-table.ts';

const page = new URL('../../../docs/performance.md', import.meta.url);

/** Writes docs/performance.md. */
export const writePage = async (kept: Kept): Promise<void> => {
  const { results } = kept;
  const measured = benchmarks.filter(({ row }) => results.some((result) => result.row === row));
  const sections = [
    introduction(kept),
    table(results),
    ...missing(results),
    '## What each number means',
    ...measured.map((benchmark) => explanation(benchmark, results)),
    peerTable(kept.peers),
    costs,
  ];
  await mkdir(new URL('.', page), { recursive: true });
  await writeFile(page, `${sections.join('\n\n')}\n`);
};

const introduction = ({ machine, results, peers: libraries }: Kept): string => {
  const { cpu, memory, system, node, postgres, holdfast } = machine;
  const dates = [...results, ...libraries].map(({ date }) => date).sort();
  const [first, last] = [dates[0], dates.at(-1)];
  return `# Performance

<!-- Written by \`npm run bench -- --write\` (integration/bench); changes made by hand are lost. -->

Every number of ours stands beside the raw path, run in the same process against the same server, in rounds that take
turns: the ratio is the number that travels to other machines, the absolute ones do not. A ratio is taken within each round;
shown are its median and, in brackets, the lowest and the highest round. A gate is what must hold; a goal is what would be
good. A gate that is missed says below why. ° marks what was only measured small (\`--quick\`).

| | |
|---|---|
| command | \`npm run bench -- --write\`; with the names of groups or rows, only those |
| measured | ${first === last ? first : `${first} to ${last}`} |
| machine | ${cpu}, ${memory}, ${system}; everything on it: clients, servers, brokers, and other people’s work |
| Holdfast | ${holdfast} |
| Node | ${node} |
| Postgres | ${postgres}; fsync and synchronous commits on, as it comes |

Two cores carry both sides, so a client’s time is the server’s lack: where a ratio is that of a machine that is full, the
text says so. \`npm run bench -- --quick\` runs all but the brokers and the other libraries smaller, in under three minutes.`;
};

const table = (results: Kept['results']): string =>
  [
    '| # | | ours | beside | ratio | gate | goal | | at commit |',
    '|---|---|---|---|---|---|---|---|---|',
    ...results.map((result) => {
      const { row, name, ours, beside, unit, gate, goal, ok, quick, commit } = result;
      const bounds = `${boundText(result, gate)} | ${boundText(result, goal)}`;
      const values = `${valueText(ours, unit)} | ${valueText(beside, unit)} | ${comparedText(result)}`;
      return `| ${row} | ${name}${quick ? ' °' : ''} | ${values} | ${bounds} | ${ok ? 'ok' : '**missed**'} | ${commit} |`;
    }),
  ].join('\n');

/** Rows that nobody has measured with `--write`. */
const missing = (results: readonly Result[]): readonly string[] => {
  const rows = benchmarks.filter(({ row }) => !results.some((result) => result.row === row)).map(({ row }) => row);
  return rows.length === 0 ? [] : [`Not measured here yet: rows ${rows.sort((a, b) => a - b).join(', ')}.`];
};

const explanation = ({ row, ours, beside, explains }: Benchmark, results: readonly Result[]): string => {
  const found = results.filter((result) => result.row === row);
  const numbers = found.map((result) => `${result.name} ${comparedText(result)}`).join('; ');
  const limit = limits[row];
  return [
    `### ${row}. ${ours.charAt(0).toUpperCase()}${ours.slice(1)}`,
    `Beside it: ${beside}. **${numbers}.**`,
    explains,
    ...(limit === undefined ? [] : [`**The limit.** ${limit}`]),
  ].join('\n\n');
};
