/** How far a transaction has come, for whoever has to end it from outside. */
export interface TransactionProgress {
  /** Which backend runs it and since when: enough to reach that transaction and never another one. */
  backend?: { readonly pid: string; readonly startedAt: string };
  /** COMMIT has been sent: from here on the outcome is Postgres's to say. */
  committing: boolean;
}

/** The columns that say where a transaction runs. */
export const backendColumns = 'pg_backend_pid()::text as pid, extract(epoch from now())::text as started';

/** Notes where a transaction runs, from a row of {@link backendColumns}. */
export const noteBackend = (
  progress: TransactionProgress,
  row: Readonly<Record<string, string | null>> | undefined,
): void => {
  if (row?.pid && row.started) progress.backend = { pid: row.pid, startedAt: row.started };
};

/** The start of its transaction tells a backend from a later one that was given the same number. */
const inBackend = (action: string, startColumn: 'xact_start' | 'backend_start'): string =>
  `select ${action}(pid)::text as done from pg_stat_activity
  where pid = $1::text::integer and extract(epoch from ${startColumn})::text = $2::text`;

/** Ends the backend of a transaction, and with it its locks. */
export const terminateTransaction: string = inBackend('pg_terminate_backend', 'xact_start');

/** Ends a backend, whatever it does, by its own start. */
export const terminateBackend: string = inBackend('pg_terminate_backend', 'backend_start');

/** Cancels the statement that a transaction is running. No row: the transaction has ended. */
export const cancelStatement: string = inBackend('pg_cancel_backend', 'xact_start');
