/** The process behind `dieWithUs`: it lives as long as its standard input does, then ends what it was told to watch. */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { signalTree } from './process-tree.ts';
import type { Mortal } from './watchdog.ts';

const watched = new Map<string, Mortal>();

const end = (mortal: Mortal): void => {
  if ('pid' in mortal) signalTree(mortal.pid, 'SIGKILL');
  else rmSync(mortal.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const { watch, forget } = JSON.parse(line);
  if (watch) watched.set(JSON.stringify(watch), watch);
  else watched.delete(JSON.stringify(forget));
}

const mortals = [...watched.values()];
for (const mortal of [...mortals.filter((one) => 'pid' in one), ...mortals.filter((one) => 'folder' in one)])
  end(mortal);
