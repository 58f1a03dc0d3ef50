import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** What must not outlive this process: a process with all it started, a container, or a folder. */
export type Mortal = { readonly pid: number } | { readonly container: string } | { readonly folder: string };

let line: Writable | undefined;

/**
 * Ends `mortal` when this process ends, however it ends: a second process waits for the pipe to this one to break.
 * The returned function takes it back, once the caller has cleaned up himself.
 */
export const dieWithUs = (mortal: Mortal): (() => void) => {
  line ??= startWatchdog();
  line.write(`${JSON.stringify({ watch: mortal })}\n`);
  return () => {
    line?.write(`${JSON.stringify({ forget: mortal })}\n`);
  };
};

const startWatchdog = (): Writable => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('watchdog-process.ts', import.meta.url))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.unref();
  // A pipe to a child is a socket, which must not keep the run alive either.
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
  child.stdin.on('error', () => {});
  return child.stdin;
};
