/** The process behind `dieWithUs`: it lives as long as its standard input does, then ends what it was told to watch. */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { signalTree } from './process-tree.ts';
import type { Mortal } from './watchdog.ts';

const watched = new Map<string, Mortal>();

const end = async (mortal: Mortal): Promise<void> => {
  if ('pid' in mortal) signalTree(mortal.pid, 'SIGKILL');
  else if ('container' in mortal) await removeContainer(mortal.container);
  else rmSync(mortal.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
};

const removeContainer = async (id: string): Promise<void> => {
  const { getContainerRuntimeClient } = await import('testcontainers');
  await (await getContainerRuntimeClient()).container.getById(id).remove({ force: true, v: true });
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const { watch, forget } = JSON.parse(line);
  if (watch) watched.set(JSON.stringify(watch), watch);
  else watched.delete(JSON.stringify(forget));
}

// The latest first: a server's process was watched after the folder that it writes to.
for (const mortal of [...watched.values()].reverse()) await end(mortal);
