import { isHoldfastError } from '@holdfast/core';
import { causes, codeOf, sqlState } from './sql-state.ts';

/**
 * What may help against an error.
 *
 * - `retryable`: doing the same again, on the same connection.
 * - `reconnect`: doing it again on a new connection, perhaps to another server. The outcome of what was under way is
 *   unknown where it was a COMMIT; see `unknown_outcome`.
 * - `fatal`: nothing but a change of code, data or configuration. All that is not known is fatal.
 */
export type ErrorClass = 'retryable' | 'reconnect' | 'fatal';

/** Exact SQLSTATEs first, then classes (the first two characters). */
const states: Readonly<Record<string, ErrorClass>> = {
  '40001': 'retryable', // serialization_failure
  '40P01': 'retryable', // deadlock_detected
  '55P03': 'retryable', // lock_not_available
  '55006': 'retryable', // object_in_use
  '57014': 'retryable', // query_canceled: a statement timeout, or somebody's cancel
  '25P04': 'retryable', // transaction_timeout
  '40003': 'reconnect', // statement_completion_unknown
  '25006': 'reconnect', // read_only_sql_transaction: this was the primary before a failover
  '25P03': 'reconnect', // idle_in_transaction_session_timeout
  '57P01': 'reconnect', // admin_shutdown
  '57P02': 'reconnect', // crash_shutdown
  '57P03': 'reconnect', // cannot_connect_now
  '57P05': 'reconnect', // idle_session_timeout
  '08P01': 'fatal', // protocol_violation
  '53100': 'retryable', // disk_full
  '53200': 'retryable', // out_of_memory, also of the lock table
  '53300': 'reconnect', // too_many_connections
  '53400': 'fatal', // configuration_limit_exceeded
};

const stateClasses: Readonly<Record<string, ErrorClass>> = { '08': 'reconnect' };

/** What Node and the drivers call a connection that failed. */
const connectionCodes: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'ENOENT'],
  ...['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECT_TIMEOUT'], // postgres.js
]);

/** pg gives its own connection errors no code, only these texts, which are the driver's and so never translated. */
const pgConnectionTexts =
  /^(Connection terminated|Client has encountered a connection error|Client was closed and is not queryable|timeout exceeded when trying to connect|Query read timeout)/;

/** The class of an error of a database call, of any client or ORM. Total: every value has one. */
export const classify = (error: unknown): ErrorClass => {
  const ours = causes(error).find((link) => isHoldfastError(link));
  if (ours !== undefined && isHoldfastError(ours)) return ours.retryable ? 'retryable' : 'fatal';
  const state = sqlState(error);
  if (state !== undefined) return states[state] ?? stateClasses[state.slice(0, 2)] ?? 'fatal';
  return causes(error).some(isConnectionError) ? 'reconnect' : 'fatal';
};

const isConnectionError = (error: unknown): boolean =>
  connectionCodes.has(codeOf(error) ?? '') || (error instanceof Error && pgConnectionTexts.test(error.message));
