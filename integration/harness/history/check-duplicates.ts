import type { MessageRecord } from './message-records.ts';
import type { Violation } from './violation.ts';

/** V2: nothing took effect twice, except for `maxDuplicates` in all. */
export const checkDuplicates = (records: ReadonlyMap<string, MessageRecord>, maxDuplicates: number): Violation[] => {
  const repeated = [...records.values()].filter(({ effects }) => effects > 1);
  const duplicates = repeated.reduce((sum, { effects }) => sum + effects - 1, 0);
  if (duplicates <= maxDuplicates) return [];
  return repeated.map(({ id, key, effects }) => ({
    invariant: 'V2',
    id,
    ...(key !== undefined && { key }),
    found: `took effect ${effects} times; in all ${duplicates} effects too many, where ${maxDuplicates} are allowed`,
  }));
};
