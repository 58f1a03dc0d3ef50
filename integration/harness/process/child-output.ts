import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Line } from './say.ts';

/** What a child has written so far. */
export interface ChildOutput {
  readonly lines: readonly Line[];
  /** Standard error, and what was no line of JSON on standard output. */
  readonly rest: string;
  /** The end of both, for failure messages. */
  tail(): string;
}

/** How much of each a failure shows. */
const shownLines = 5;
const shownCharacters = 4_000;

/** Reads a child's standard output and standard error for as long as it writes. */
export const childOutput = ({ stdout, stderr }: ChildProcessWithoutNullStreams): ChildOutput => {
  const lines: Line[] = [];
  let rest = '';
  createInterface({ input: stdout }).on('line', (text) => {
    const line = lineOf(text);
    if (line) lines.push(line);
    else rest += `${text}\n`;
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    rest += text;
  });
  return {
    lines,
    get rest() {
      return rest;
    },
    tail: () => {
      const last = lines.slice(-shownLines).map((line) => JSON.stringify(line));
      return `its last lines:\n${last.join('\n')}\nits output:\n${rest.slice(-shownCharacters)}`;
    },
  };
};

const lineOf = (text: string): Line | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
};
