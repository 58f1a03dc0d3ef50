import { checkDuplicates } from './check-duplicates.ts';
import { checkFencing } from './check-fencing.ts';
import { checkLoss } from './check-loss.ts';
import { checkOrder } from './check-order.ts';
import { checkPhantoms } from './check-phantoms.ts';
import type { Entry } from './entry.ts';
import { messageRecords } from './message-records.ts';
import type { Violation } from './violation.ts';

export interface CheckOptions {
  /**
   * How many effects too many are allowed in all. Default 0: effect once.
   * Without an inbox, what was in flight at each crash may come again.
   */
  readonly maxDuplicates?: number;
}

/**
 * Every break of V1 (no loss), V2 (no duplicate effect), V3 (no phantom), V4 (order per key) and V9 (fencing) in a
 * finished history. The entries come in the order in which they happened; publications may come anywhere.
 */
export const checkHistory = (history: readonly Entry[], { maxDuplicates = 0 }: CheckOptions = {}): Violation[] => {
  const records = messageRecords(history);
  return [
    ...checkLoss(records),
    ...checkDuplicates(records, maxDuplicates),
    ...checkPhantoms(history, records),
    ...checkOrder(history, records),
    ...checkFencing(history),
  ];
};
