import type { Result } from '../harness/result.ts';
import type { PeerResult } from '../peers/peers.ts';
import { boundText, comparedText, number, valueText } from './numbers.ts';

const columns = [4, 44, 16, 16, 26, 12, 12, 6];

export const headline = (): string =>
  line(['row', 'what', 'ours', 'beside', 'ratio (lowest – highest)', 'gate', 'goal', '']);

export const resultLine = (result: Result): string => {
  const { row, group, name, ours, beside, unit, gate, goal, ok } = result;
  return line([
    String(row),
    `${group}: ${name}`,
    valueText(ours, unit),
    valueText(beside, unit),
    comparedText(result),
    boundText(result, gate),
    boundText(result, goal),
    ok ? 'ok' : 'MISSED',
  ]);
};

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, index) => cell.padEnd(columns[index] ?? 0))
    .join(' ')
    .trimEnd();

export const peerLine = ({ name, version, rowsPerSecond, p50Ms, p99Ms, missing }: PeerResult): string =>
  `${name} ${version}: ${number(rowsPerSecond)} rows/s, p50 ${number(p50Ms)} ms, p99 ${number(p99Ms)} ms, ${missing} missing`;
