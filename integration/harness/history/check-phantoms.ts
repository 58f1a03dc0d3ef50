import type { Entry } from './entry.ts';
import { type MessageRecord, neverPublished } from './message-records.ts';
import type { Violation } from './violation.ts';

/** V3: what is handled was published, was not rolled back, and has the key and number it was published with. */
export const checkPhantoms = (history: readonly Entry[], records: ReadonlyMap<string, MessageRecord>): Violation[] => [
  ...unpublished(records),
  ...changed(history, records),
];

const unpublished = (records: ReadonlyMap<string, MessageRecord>): Violation[] =>
  [...records.values()]
    .filter((record) => record.handled && neverPublished(record))
    .map(({ id, key, publishes }) => ({
      invariant: 'V3',
      id,
      ...(key !== undefined && { key }),
      found: publishes.fail > 0 ? 'handled, but its publication was rolled back' : 'handled, but nobody published it',
    }));

const changed = (history: readonly Entry[], records: ReadonlyMap<string, MessageRecord>): Violation[] =>
  history.flatMap(({ f, id, key, seq }): Violation[] => {
    const published = records.get(id);
    if (f !== 'effect' || published === undefined) return [];
    if (published.key === key && published.seq === seq) return [];
    const found = `handled as number ${seq} of key ${key}, but published as number ${published.seq} of key ${published.key}`;
    return [{ invariant: 'V3', id, ...(key !== undefined && { key }), found }];
  });
