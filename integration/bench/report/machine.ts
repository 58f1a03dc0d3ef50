import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import type { PostgresServer } from '../../harness/index.ts';

/** What the numbers were measured on. */
export interface Machine {
  readonly cpu: string;
  readonly memory: string;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
  readonly holdfast: string;
  readonly date: string;
  /** Of the repository. */
  readonly commit: string;
}

export const describeMachine = ({ version, way }: PostgresServer): Machine => ({
  cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  system: `${type()} ${release()}`,
  node: process.version,
  postgres: `${version} (${way}), on the same machine`,
  holdfast: versionOf('holdfast'),
  date: new Date().toISOString().slice(0, 10),
  commit: execFileSync('git', ['rev-parse', '--short=7', 'HEAD'], { encoding: 'utf8' }).trim(),
});

/** Of a package as it is installed here. */
export const versionOf = (name: string): string => {
  let folder = new URL('.', import.meta.resolve(name));
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
      if (manifest.name === name) return manifest.version;
    } catch {
      // Not the package's own folder yet.
    }
    const above = new URL('..', folder);
    if (above.href === folder.href) throw new Error(`no package.json of ${name} was found`);
    folder = above;
  }
};
