import { type Database, requireTransaction } from '@holdfast/postgres';
import { TooManyKeysError } from './errors.ts';
import type { OutboxRow } from './outbox-row.ts';

/** Each key is an advisory lock until the transaction ends, and the lock table is the whole server's. */
const maxKeys = 1_000;

/** Counts the keys that each transaction locks. Throws {@link TooManyKeysError} before there are too many. */
export const createKeyLimit = <Tx>(
  database: Database<Tx>,
): ((tx: Tx, token: string, rows: readonly OutboxRow[]) => Promise<void>) => {
  /** By handle, and for the transaction of that token: a client of a pool serves many. */
  const locked = new WeakMap<object, { readonly token: string; readonly keys: Set<string> }>();

  const keysOf = (tx: Tx, token: string): Set<string> => {
    if (typeof tx !== 'object' || tx === null) return new Set();
    const known = locked.get(tx);
    if (known?.token === token) return known.keys;
    const keys = new Set<string>();
    locked.set(tx, { token, keys });
    return keys;
  };
  return async (tx, token, rows) => {
    const keys = keysOf(tx, token);
    const before = keys.size;
    for (const { key, ordered, delayMs } of rows) {
      if (key !== undefined && ordered !== false && delayMs === undefined) keys.add(key);
    }
    if (keys.size <= maxKeys || keys.size === before) return;
    const found = keys.size;
    keys.clear();
    // The token may be of the client's transaction before; then the database refuses it, and the count begins anew.
    if ((await requireTransaction(database, tx)) === token) throw new TooManyKeysError(found, maxKeys);
  };
};
