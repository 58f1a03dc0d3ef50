import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runCommand } from './run-command.ts';
import { packages } from './workspaces.ts';

/** Builds and packs every package, then checks what `npm publish` would ship: its package.json and its types. */
const expectOk = async (command: readonly [string, ...string[]]): Promise<void> => {
  const { ok, output } = await runCommand(command);
  if (ok) return;
  console.error(`${command.join(' ')}\n${output.trim()}\n`);
  process.exitCode = 1;
};

const folder = mkdtempSync(join(tmpdir(), 'holdfast-pack-'));
try {
  await expectOk(['turbo', 'run', 'build', '--continue', '--output-logs=errors-only']);
  await expectOk([
    'npm',
    'pack',
    '--silent',
    '--pack-destination',
    folder,
    ...packages().map((one) => `./${one.folder}`),
  ]);
  const tarballs = globSync('*.tgz', { cwd: folder }).map((name) => join(folder, name));
  if (tarballs.length !== packages().length) throw new Error(`packed ${tarballs.map((t) => basename(t)).join(', ')}`);
  const queue = tarballs.values();
  const checkQueued = async (): Promise<void> => {
    for (const tarball of queue) {
      await expectOk(['publint', tarball, '--strict']);
      await expectOk(['attw', tarball, '--profile', 'esm-only', '--no-color', '--no-emoji']);
    }
  };
  await Promise.all([checkQueued(), checkQueued()]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
