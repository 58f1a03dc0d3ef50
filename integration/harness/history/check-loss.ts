import { type MessageRecord, surelyPublished } from './message-records.ts';
import type { Violation } from './violation.ts';

/** V1: what was surely published has taken effect, or is parked, at the end. */
export const checkLoss = (records: ReadonlyMap<string, MessageRecord>): Violation[] =>
  [...records.values()]
    .filter((record) => surelyPublished(record) && record.effects === 0 && !record.parked)
    .map(({ id, key }) => ({
      invariant: 'V1',
      id,
      ...(key !== undefined && { key }),
      found: 'published, but it neither took effect nor is it parked',
    }));
