import type { Log } from '@holdfast/core';
import type { Ending } from './ending.ts';
import { InboxUnavailableError } from './errors.ts';

/** Whether the inbox can be used, as far as the last deliveries have shown. Logs when that changes, not for each of them. */
export interface Trouble {
  see(ending: Ending): void;
  /** For people. */
  readonly reason: string | undefined;
}

export const createTrouble = (log: Log, group: string): Trouble => {
  let reason: string | undefined;
  return {
    see: ({ count, error }) => {
      if (error instanceof InboxUnavailableError) {
        if (reason === undefined) log.warn({ error, group }, 'the inbox cannot be used; messages wait');
        reason = error.message;
      } else if (reason !== undefined && (count === 'acked' || count === 'stored' || count === 'duplicates')) {
        log.warn({ group }, 'the inbox can be used again');
        reason = undefined;
      }
    },
    get reason() {
      return reason;
    },
  };
};
