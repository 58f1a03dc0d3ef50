import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ChildOutput, childOutput } from './child-output.ts';
import { signalTree } from './process-tree.ts';
import type { Line } from './say.ts';
import { dieWithUs } from './watchdog.ts';

/** How a process ended: by itself with a code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A real process that runs one of our TypeScript modules from the sources. */
export interface Child {
  readonly pid: number;
  /** What it has said so far with `say`. */
  readonly lines: readonly Line[];
  /** What else it has written so far: standard error, and what is no line of JSON. */
  readonly output: string;
  /** Resolves with how it ended, when all that it wrote has arrived. Never rejects. */
  readonly ended: Promise<Ending>;
  /**
   * Resolves with the first line, past or to come, that has the fields of `wanted` or that `wanted` accepts.
   * Rejects when the process ends without it, or after `timeoutMs` (default 15,000); the error shows its output.
   */
  saw(wanted: Wanted, timeoutMs?: number): Promise<Line>;
  /** Sends one line to its `told()`. */
  tell(line: Line): void;
  /** Sends a signal to the process alone. */
  signal(signal: NodeJS.Signals): void;
  /** Kills it with all that it started (SIGKILL), whatever state it is in. Resolves when it has ended. */
  close(): Promise<Ending>;
}

/** Which line is waited for: the fields it has, or what decides. */
export type Wanted = Line | ((line: Line) => boolean);

const nodeArguments = [
  '--conditions=source',
  '--unhandled-rejections=strict',
  `--import=${new URL('fail-on-warnings.ts', import.meta.url)}`,
];
const running = new Map<string, Child>();

/** For the root hooks: ends the children that nobody has ended, and says which. */
export const endRunningChildren = async (): Promise<readonly string[]> => {
  const left = [...running.keys()];
  await Promise.all([...running.values()].map((child) => child.close()));
  return left;
};

/**
 * Starts `module` as a process of its own, on this Node and in this environment with `env` added.
 * It ends by itself on the warnings that fail a test run, and it dies with this process.
 */
export const spawnChild = (
  module: URL,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Child => {
  const child = spawn(process.execPath, [...nodeArguments, fileURLToPath(module), ...args], {
    env: { ...process.env, ...env },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} could not be started for ${module}`);
  const name = `${module.pathname.split('/').at(-1)}, process ${pid}`;
  const output = childOutput(child);
  const forget = dieWithUs({ pid });
  const ended = once(child, 'close').then(([code, signal]): Ending => {
    running.delete(name);
    forget();
    return { code, signal };
  });
  child.stdin.on('error', () => {});
  const started: Child = {
    pid,
    lines: output.lines,
    get output() {
      return output.rest;
    },
    ended,
    saw: (wanted, timeoutMs) => waitForLine(name, output, { wanted, timeoutMs }),
    tell: (line) => {
      child.stdin.write(`${JSON.stringify(line)}\n`);
    },
    signal: (signal) => {
      child.kill(signal);
    },
    close: () => {
      signalTree(pid, 'SIGKILL');
      return ended;
    },
  };
  running.set(name, started);
  return started;
};

interface Wait {
  readonly wanted: Wanted;
  readonly timeoutMs: number | undefined;
}

const waitForLine = async (name: string, output: ChildOutput, { wanted, timeoutMs = 15_000 }: Wait): Promise<Line> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const isRunning = running.has(name);
    const line = output.lines.find(accepting(wanted));
    if (line) return line;
    const why = !isRunning ? 'ended' : performance.now() > deadline ? `ran for ${timeoutMs} ms` : undefined;
    if (why) throw new Error(`${name} ${why} and never said ${textOf(wanted)}\n${output.tail()}`);
    await sleep(5);
  }
};

const accepting = (wanted: Wanted): ((line: Line) => boolean) =>
  typeof wanted === 'function'
    ? wanted
    : (line) => Object.entries(wanted).every(([field, value]) => line[field] === value);

const textOf = (wanted: Wanted): string => (typeof wanted === 'function' ? `${wanted}` : JSON.stringify(wanted));
