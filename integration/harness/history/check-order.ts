import type { Entry } from './entry.ts';
import { type MessageRecord, surelyPublished } from './message-records.ts';
import type { Violation } from './violation.ts';

/**
 * V4: the first effects of a key come in the order of their numbers. A message that was parked at that time may be passed,
 * and stands in line again once it is un-parked. One that never took effect is a loss (V1), unless it was parked too late.
 */
export const checkOrder = (history: readonly Entry[], records: ReadonlyMap<string, MessageRecord>): Violation[] => {
  const lines = linesOf(records);
  return history.flatMap((entry) => {
    const line = lines.get(records.get(entry.id)?.key);
    return entry.type === 'ok' && line ? step(line, entry) : [];
  });
};

/** The messages of one key, in the order in which they must take effect. */
interface Line {
  readonly places: Place[];
  readonly indexes: ReadonlyMap<string, number>;
  /** Before this index nobody waits. */
  waitingFrom: number;
}

interface Place {
  readonly id: string;
  readonly seq: number;
  state: 'waiting' | 'parked' | 'passed';
  /** Whether it was told already that it was overtaken. */
  told: boolean;
}

const linesOf = (records: ReadonlyMap<string, MessageRecord>): ReadonlyMap<string | undefined, Line> => {
  const mustCome = [...records.values()].filter(
    (record) => record.effects > 0 || (surelyPublished(record) && record.parked),
  );
  const byKey = Map.groupBy(mustCome, ({ key }) => key);
  byKey.delete(undefined);
  return new Map([...byKey].map(([key, messages]) => [key, lineOf(messages)]));
};

const lineOf = (messages: readonly MessageRecord[]): Line => {
  const places = messages
    .flatMap(({ id, seq }): Place[] => (seq === undefined ? [] : [{ id, seq, state: 'waiting', told: false }]))
    .sort((a, b) => a.seq - b.seq);
  return { places, indexes: new Map(places.map(({ id }, index) => [id, index])), waitingFrom: 0 };
};

const step = (line: Line, { f, id, key }: Entry): Violation[] => {
  const index = line.indexes.get(id);
  const place = index === undefined ? undefined : line.places[index];
  if (index === undefined || place === undefined || place.state === 'passed') return [];
  if (f === 'park') place.state = 'parked';
  if (f === 'unpark') {
    place.state = 'waiting';
    line.waitingFrom = Math.min(line.waitingFrom, index);
  }
  if (f !== 'effect') return [];
  place.state = 'passed';
  return overtakenBy(line, index).map((overtaken) => ({
    invariant: 'V4',
    id: overtaken.id,
    ...(key !== undefined && { key }),
    found: `number ${overtaken.seq} still waited when number ${place.seq} (${id}) took effect`,
  }));
};

/** Those before `index` who still wait; each is told of once. */
const overtakenBy = (line: Line, index: number): Place[] => {
  const overtaken = line.places
    .slice(line.waitingFrom, index)
    .filter(({ state, told }) => state === 'waiting' && !told);
  for (const place of overtaken) place.told = true;
  line.waitingFrom = Math.max(line.waitingFrom, index);
  return overtaken;
};
