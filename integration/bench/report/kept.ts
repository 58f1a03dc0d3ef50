import { readFile, writeFile } from 'node:fs/promises';
import type { Result } from '../harness/result.ts';
import type { PeerResult } from '../peers/peers.ts';
import type { Machine } from './machine.ts';

/** What a run has measured. */
export interface Findings {
  /** Undefined: nothing was measured. */
  readonly machine: Machine | undefined;
  readonly quick: boolean;
  readonly results: readonly Result[];
  readonly peers: readonly PeerResult[];
}

/** The newest of everything that was ever measured with `--write`, all of it on one kind of machine. */
export interface Kept {
  readonly machine: Machine;
  readonly results: readonly Dated<Result>[];
  readonly peers: readonly Dated<PeerResult>[];
}

export type Dated<T> = T & {
  readonly date: string;
  readonly commit: string;
  /** Measured small. */
  readonly quick: boolean;
};

const file = new URL('./kept.json', import.meta.url);

/** Keeps what was measured in place of what was kept of the same rows, and gives back all that is kept. */
export const keep = async ({ machine, quick, results, peers }: Findings): Promise<Kept> => {
  const before: Kept = JSON.parse(await readFile(file, 'utf8'));
  if (machine === undefined) return before;
  const { date, commit } = machine;
  const dated = <T>(found: readonly T[]): readonly Dated<T>[] => found.map((one) => ({ ...one, date, commit, quick }));
  const rows = new Set(results.map(({ row }) => row));
  const names = new Set(peers.map(({ name }) => name));
  const kept: Kept = {
    machine,
    results: [...before.results.filter(({ row }) => !rows.has(row)), ...dated(results)].sort((a, b) => a.row - b.row),
    peers: [...before.peers.filter(({ name }) => !names.has(name)), ...dated(peers)],
  };
  await writeFile(file, `${JSON.stringify(kept, undefined, 2)}\n`);
  return kept;
};
