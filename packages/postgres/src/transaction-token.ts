import { HoldfastError } from '@holdfast/core';
import type { Database, Row } from './database.ts';

/** A pool, or a handle whose transaction has ended, was passed where a transaction is needed. Nothing was written. */
export class NotATransactionError extends HoldfastError {
  override readonly code = 'not_a_transaction';
  constructor() {
    super(
      'found a handle that is not in a transaction, expected the one of an open transaction; nothing was written: ' +
        'pass the `tx` that transaction(async (tx) => …) hands out, not the pool',
    );
  }
}

/** Tokens of handles. A token that is stale is harmless: the statements that carry it compare it in the database. */
const tokens = new WeakMap<object, string>();

/** The token that is known for a handle, without asking the database. */
export const knownToken = (tx: unknown): string | undefined => (isObject(tx) ? tokens.get(tx) : undefined);

/** For databases: the handle's transaction has set `holdfast.tx` to the token. */
export const rememberToken = (tx: unknown, token: string): void => {
  if (isObject(tx)) tokens.set(tx, token);
};

/** For databases: the handle's transaction has ended. */
export const forgetToken = (tx: unknown): void => {
  if (isObject(tx)) tokens.delete(tx);
};

/** Sets the transaction-local setting that marks a transaction, or reads it where it is set. */
const markStatement =
  "select set_config('holdfast.tx', coalesce(nullif(current_setting('holdfast.tx', true), ''), $1::text), true) as token";

/**
 * Marks the handle's transaction and returns its token. A statement that must run in a transaction then demands
 * `current_setting('holdfast.tx', true) = token`: on a pool the mark was gone when this statement ended.
 */
export const requireTransaction = async <Tx>(database: Database<Tx>, tx: Tx): Promise<string> => {
  const [row] = await database.query(tx, markStatement, [crypto.randomUUID()]);
  const token = row?.token;
  if (typeof token !== 'string') throw new NotATransactionError();
  rememberToken(tx, token);
  return token;
};

/**
 * Runs a statement that returns rows only where its token is the transaction's own; costs one more round trip on a
 * handle's first use, if the handle does not come from {@link Database.transaction}.
 * Throws {@link NotATransactionError} when there is no transaction: nothing was written then.
 */
export const inTransaction = async <Tx>(
  database: Database<Tx>,
  tx: Tx,
  statement: (token: string) => Promise<readonly Row[]>,
): Promise<readonly Row[]> => {
  const known = knownToken(tx);
  if (known !== undefined) {
    const rows = await statement(known);
    if (rows.length > 0) return rows;
  }
  const rows = await statement(await requireTransaction(database, tx));
  if (rows.length === 0) throw new NotATransactionError();
  return rows;
};

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';
