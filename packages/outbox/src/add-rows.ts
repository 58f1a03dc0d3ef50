import { type Database, inTransaction, SchemaMissingError, sqlState } from '@holdfast/postgres';
import { KeyDeadlockError, OutboxFullError } from './errors.ts';
import { createKeyLimit } from './key-limit.ts';
import type { OutboxRow } from './outbox-row.ts';

/** How old the number of waiting rows may be that is compared with the capacity. */
const estimateMs = 250;
const retryAfterMs = 1_000;
/** Then the next one may check as well. */
const longestCheckMs = 1_000;

export interface AddRowsOptions<Tx> {
  readonly database: Database<Tx>;
  readonly capacity: number;
  readonly monotonic: () => number;
}

/** Writes rows in a transaction, in one statement with one text parameter, which every client can send. */
export const createAddRows = <Tx>(
  options: AddRowsOptions<Tx>,
): ((tx: Tx, rows: readonly OutboxRow[]) => Promise<void>) => {
  const { database, capacity, monotonic } = options;
  const limitKeys = createKeyLimit(database);
  let checkedAt = -Infinity;
  /** As many as were found waiting, if that was too many. */
  let full: number | undefined;
  /** When the last check began. One at a time, unless it waits for the lock of a key. */
  let checkingSince = -Infinity;

  const refuse = (pending: number): never => {
    throw new OutboxFullError(pending, capacity, retryAfterMs);
  };
  return async (tx, rows) => {
    if (rows.length === 0) return;
    const now = monotonic();
    const isFresh = now - checkedAt < estimateMs;
    if (isFresh && full !== undefined) refuse(full);
    const check = !isFresh && now - checkingSince >= longestCheckMs;
    if (check) checkingSince = now;
    const [row] = await inTransaction(database, tx, async (token) => {
      await limitKeys(tx, token, rows);
      const input = { tx: token, ...(check && { capacity }), messages: rows };
      return database.query(tx, addStatement(database.schema), [JSON.stringify(input)]);
    })
      .catch((error: unknown) => {
        throw named(error, database.schema);
      })
      .finally(() => {
        if (check) checkingSince = -Infinity;
      });
    if (!check) return;
    const written = Number(row?.written);
    checkedAt = monotonic();
    full = written < 0 ? -written : undefined;
    if (full !== undefined) refuse(full);
  };
};

const addStatement = (schema: string): string =>
  `select a.written::text from ${schema}.outbox_add($1::text::jsonb) as a(written) where a.written is not null`;

/** What a state of the server means here. */
const named = (error: unknown, schema: string): unknown => {
  switch (sqlState(error)) {
    case '42883': // undefined_function
    case '3F000': // invalid_schema_name
      return new SchemaMissingError(schema, ['outbox']);
    case '40P01': // deadlock_detected
      return new KeyDeadlockError(error);
    default:
      return error;
  }
};
