/**
 * What a delivery ends in.
 *
 * - `ack`: the message leaves the group.
 * - `retry`: it is handed over again, not before `delayMs`; with `spent: false` without counting an attempt.
 * - `reject`: it becomes a dead letter, with the reason.
 */
export type Settlement =
  | { readonly outcome: 'ack' }
  | { readonly outcome: 'retry'; readonly delayMs: number; readonly spent: boolean }
  | { readonly outcome: 'reject'; readonly reason: string };

/** The settlement of success. */
export const ack: Settlement = Object.freeze({ outcome: 'ack' });
