import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Entry, NewEntry } from './entry.ts';

/** An append-only file of entries. */
export interface History {
  /** Written when it returns: a `kill -9` loses nothing of it. */
  record(entry: NewEntry): void;
  close(): void;
}

/** Opens `file` for the entries of process `p`. Several processes may share a file. */
export const openHistory = (file: string, p = `process ${process.pid}`): History => {
  const descriptor = openSync(file, 'a');
  return {
    record: (entry) => {
      const t = Number(process.hrtime.bigint() / 1_000n);
      writeSync(descriptor, `${JSON.stringify({ t, p, ...entry })}\n`);
    },
    close: () => closeSync(descriptor),
  };
};

/** Reads the entries of all `files` in the order of their times. */
export const readHistory = (...files: string[]): Entry[] => files.flatMap(entriesOf).sort((a, b) => a.t - b.t);

const entriesOf = (file: string): Entry[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
