import type { RelayRow } from './relay-row.ts';

/**
 * What became of one row of a hand-over.
 *
 * - `ok`: it is safe where it went; it is deleted.
 * - `failed`: it was not taken. With a Holdfast error that is not `retryable` it is parked, else tried again.
 * - `unknown`: it may have been taken; it is tried again under the same id, and never parked for that.
 * - `later`: it is to be handed over again, not before `delayMs`; that counts as no failure, and unless `spent` as no attempt.
 */
export type SendOutcome =
  | { readonly outcome: 'ok' }
  | { readonly outcome: 'failed'; readonly error: unknown }
  | { readonly outcome: 'unknown'; readonly error: unknown }
  | { readonly outcome: 'later'; readonly delayMs: number; readonly spent: boolean };

/** Where a relay hands rows over to. */
export interface RelaySink {
  /**
   * True: where one row of a hand-over failed, no later one of it was taken. Then several rows of a key go in one
   * hand-over, and one hand-over per shard and topic is under way; else several, with one row per key.
   */
  readonly failsSuffix: boolean;
  /** True: a row that was running alone at `suspectDeaths` deaths is handed over with its `deaths`, for the sink to put away; else it is parked. */
  readonly takesSuspects?: boolean | undefined;
  /**
   * Hands over rows of one topic, in order. Gives one outcome per row. A rejection means `unknown` for all of them.
   * The signal aborts when the claim on the rows ends: what is not sent by then must not be.
   */
  send(rows: readonly RelayRow[], signal: AbortSignal): Promise<readonly SendOutcome[]>;
}
