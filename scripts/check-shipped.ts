import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { runCommand } from './run-command.ts';
import { packages } from './workspaces.ts';

/**
 * Builds and packs every package, then checks what `npm publish` would ship: its package.json by publint, its types by
 * "are the types wrong". Both are called as libraries: their commands would load a compiler for each package.
 */
const checkShipped = async (folder: string): Promise<readonly string[]> => {
  const folders = packages().map((one) => `./${one.folder}`);
  await expectOk(['turbo', 'run', 'build', '--output-logs=errors-only']);
  await expectOk(['npm', 'pack', '--silent', '--pack-destination', folder, ...folders]);
  const tarballs = globSync('*.tgz', { cwd: folder }).sort();
  if (tarballs.length !== folders.length) throw new Error(`${folders.length} packages, packed ${tarballs.join(', ')}`);
  const problems: string[] = [];
  for (const tarball of tarballs) {
    const bytes = readFileSync(join(folder, tarball));
    for (const problem of [...(await manifestProblems(bytes)), ...(await typeProblems(bytes))]) {
      problems.push(`${basename(tarball)}: ${problem}`);
    }
  }
  return problems;
};

const expectOk = async (command: readonly [string, ...string[]]): Promise<void> => {
  const { ok, output } = await runCommand(command);
  if (!ok) throw new Error(`${command.join(' ')}\n${output.trim()}`);
};

const manifestProblems = async (bytes: Buffer): Promise<readonly string[]> => {
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
};

/** What attw calls the profile `esm-only`: who resolves as CommonJS does is not served. */
const notServed: ReadonlySet<string> = new Set(['node10', 'node16-cjs']);

const typeProblems = async (bytes: Buffer): Promise<readonly string[]> => {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)));
  if (!analysis.types) return ['has no types'];
  return analysis.problems
    .filter((problem) => !('resolutionKind' in problem && notServed.has(problem.resolutionKind)))
    .map((problem) => JSON.stringify(problem));
};

const folder = mkdtempSync(join(tmpdir(), 'holdfast-pack-'));
try {
  const problems = await checkShipped(folder);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
