import { readFileSync } from 'node:fs';

/** Whom a server runs as: nothing to say, or another user because this process is root. */
export type LocalUser = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** Postgres refuses to run as root, so root runs it as `postgres` or, where that user does not exist, as `nobody`. */
export const localUser = (): LocalUser => {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const user = users.find(([name]) => name === wanted);
    if (user) return { uid: Number(user[2]), gid: Number(user[3]) };
  }
  throw new Error(
    'Postgres does not run as root, and there is no user postgres or nobody: add one, or run as another user',
  );
};
