import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
const users = join(import.meta.dirname, 'users');

/** A project of somebody else's: our tarballs in its `node_modules`, and nothing of this repository within reach. */
export interface EmptyProject {
  /** The names of the packages that were packed. */
  readonly packages: readonly string[];
  /** Runs a program of `users/` in the project, with plain Node. Resolves with what it wrote. */
  run(program: string): Promise<string>;
  /** Runs a line of JavaScript, as a module. Resolves with what it wrote. */
  evaluate(code: string): Promise<string>;
  /** Checks a program of `users/` as strictly as TypeScript can, declarations included. Rejects with what it says. */
  typeCheck(program: string): Promise<void>;
  remove(): Promise<void>;
}

/** Builds and packs every package as a release would, and installs the tarballs into an empty folder. */
export const emptyProject = async (): Promise<EmptyProject> => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-packaging-'));
  await output(root, 'turbo', ['run', 'build', '--filter=./packages/*', '--output-logs=errors-only']);
  const tarballs = await pack(folder);
  await install(folder, tarballs);
  return {
    packages: Object.keys(tarballs),
    run: async (program) => {
      await copyFile(join(users, program), join(folder, program));
      return output(folder, process.execPath, [program]);
    },
    evaluate: (code) => output(folder, process.execPath, ['--input-type=module', '--eval', code]),
    typeCheck: async (program) => {
      await copyFile(join(users, program), join(folder, program));
      await writeFile(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions: strictest, include: [program] }),
      );
      await output(folder, join(root, 'node_modules/.bin/tsc'), ['--project', folder]);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

const strictest = {
  target: 'es2024',
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

/** The tarball of each package, by the package's name. */
const pack = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const folders = globSync('packages/*/package.json', { cwd: root }).map((file) => resolve(root, file, '..'));
  const stdout = await output(root, 'npm', ['pack', '--json', '--pack-destination', folder, ...folders]);
  const packed: readonly { readonly name: string; readonly filename: string }[] = Object.values(JSON.parse(stdout));
  return Object.fromEntries(packed.map(({ name, filename }) => [name, `file:./${basename(filename)}`]));
};

/** Their dependencies on each other are met by the tarballs, the others come through npm. */
const install = async (folder: string, tarballs: Readonly<Record<string, string>>): Promise<void> => {
  const dependencies = { ...tarballs, zod: '^4.0.0', '@types/node': '^24.0.0' };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
  const quietly = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await output(folder, 'npm', ['install', ...quietly]);
};

/** What a command wrote to standard output; an error shows all that it wrote. */
const output = async (cwd: string, program: string, args: readonly string[]): Promise<string> => {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const failed = (error: { stdout?: string; stderr?: string }): never => {
    throw new Error(`${program} ${args.join(' ')} failed\n${error.stdout}${error.stderr}`, { cause: error });
  };
  const { stdout } = await run(program, args, { cwd, env, timeout: 60_000 }).catch(failed);
  return stdout;
};
