import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { signalTree } from '../process/process-tree.ts';
import { dieWithUs } from '../process/watchdog.ts';
import { answering } from './answering.ts';
import type { LocalUser } from './local-user.ts';
import type { StopMode } from './postgres-server.ts';

/** A running Postgres on this machine: the process that all its others descend from. */
export interface Postmaster {
  /** Sends a signal to every process of the server. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the server's processes have ended. */
  stop(mode: StopMode): Promise<void>;
}

export interface PostmasterOptions {
  readonly user: LocalUser;
  /** The cluster's folder; the log is written beside it. */
  readonly data: string;
  readonly url: string;
  readonly settings: readonly string[];
}

/** Starts a server on an existing cluster and waits until it answers; when it does not, the error has the end of its log. */
export const startPostmaster = async (
  file: string,
  { user, data, url, settings }: PostmasterOptions,
): Promise<Postmaster> => {
  const logFile = `${data}.log`;
  const log = openSync(logFile, 'a');
  const child = spawn(file, ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
    ...user,
    cwd: data,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw (await once(child, 'error'))[0];
  const ended = once(child, 'exit').then(dieWithUs({ pid }));
  child.unref();
  const assertAlive = (): void => {
    if (hasEnded(child)) throw new Error(`Postgres did not start; the end of its log:\n${tailOf(logFile)}`);
  };
  await answering(url, assertAlive);
  assertAlive();
  return {
    signal: (signal) => signalTree(pid, signal),
    stop: async (mode) => {
      if (hasEnded(child)) return;
      child.ref();
      shutDown(pid, mode);
      await ended;
    },
  };
};

/** A paused server hears no signal but SIGKILL, so it is resumed first. */
const shutDown = (pid: number, mode: StopMode): void => {
  if (mode === 'kill') {
    signalTree(pid, 'SIGKILL');
  } else {
    signalTree(pid, 'SIGCONT');
    process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  }
};

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const tailOf = (file: string): string => readFileSync(file, 'utf8').slice(-2_000);
