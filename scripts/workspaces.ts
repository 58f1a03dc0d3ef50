import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The parts of a package.json that the scripts read. */
export interface Manifest {
  readonly name: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly description?: string;
  readonly license?: string;
  readonly type?: string;
  readonly sideEffects?: boolean;
  readonly engines?: Readonly<Record<string, string>>;
  readonly exports?: unknown;
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** A folder of the repository with a package.json. `folder` is relative to the root, `name` its last part. */
export interface Workspace {
  readonly folder: string;
  readonly manifest: Manifest;
}

export const root = resolve(import.meta.dirname, '..');

/** The repository's own package.json. */
export const rootManifest = (): Manifest => readManifest('.');

/** What we publish: the folders of `packages/`. */
export const packages = (): readonly Workspace[] =>
  globSync('packages/*/package.json', { cwd: root })
    .sort()
    .map((file) => ({ folder: dirname(file), manifest: readManifest(dirname(file)) }));

/** What uses the packages from outside, and is not published. */
export const users = (): readonly Workspace[] =>
  ['examples', 'integration']
    .filter((folder) => existsSync(resolve(root, folder, 'package.json')))
    .map((folder) => ({ folder, manifest: readManifest(folder) }));

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(resolve(root, folder, 'package.json'), 'utf8')) as Manifest;
