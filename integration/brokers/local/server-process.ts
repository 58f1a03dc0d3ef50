import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { signalTree } from '../../harness/process/process-tree.ts';
import { dieWithUs } from '../../harness/process/watchdog.ts';

/** A running server on this machine: the process that all its others descend from. */
export interface ServerProcess {
  /** Sends a signal to every process of the server. */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and resolves when the server's processes have ended. SIGKILL goes to all of them. */
  stop(signal: NodeJS.Signals): Promise<void>;
}

export interface ServerCommand {
  /** For failure messages. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Standard output and standard error are appended here. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: { readonly uid?: number; readonly gid?: number };
  /** Resolves when the server answers. `assertAlive` throws once its process has ended. */
  readonly answering: (assertAlive: () => void) => Promise<unknown>;
}

/** Starts a server and waits until it answers; when it does not, the error has the end of its log. It dies with this process. */
export const startServerProcess = async (command: ServerCommand): Promise<ServerProcess> => {
  const { name, file, args, folder, logFile, env, user } = command;
  const log = openSync(logFile, 'a');
  const child = spawn(file, args, {
    ...user,
    env: { ...process.env, ...env },
    cwd: folder,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw (await once(child, 'error'))[0];
  const ended = once(child, 'exit').then(dieWithUs({ pid }));
  child.unref();
  const assertAlive = (): void => {
    if (hasEnded(child)) throw new Error(`${name} did not start; the end of its log:\n${tailOf(logFile)}`);
  };
  await command.answering(assertAlive);
  assertAlive();
  return {
    signal: (signal) => signalTree(pid, signal),
    stop: async (signal) => {
      if (hasEnded(child)) return;
      child.ref();
      shutDown(pid, signal);
      await ended;
    },
  };
};

/** A paused server hears no signal but SIGKILL, so it is resumed first. */
const shutDown = (pid: number, signal: NodeJS.Signals): void => {
  if (signal === 'SIGKILL') {
    signalTree(pid, signal);
  } else {
    signalTree(pid, 'SIGCONT');
    process.kill(pid, signal);
  }
};

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const tailOf = (file: string): string => readFileSync(file, 'utf8').slice(-2_000);
