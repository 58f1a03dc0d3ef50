import { checkHistory, type Entry, readEntryTables, type Violation } from '../../harness/index.ts';

/** The first breaks of what an outbox and its relays promise, copies apart, in the entries of the database at `url`. */
export const violationsOf = async (url: string): Promise<readonly Violation[]> => {
  const history = await readEntryTables(url);
  return checkHistory(numbered(history), { maxDuplicates: Number.POSITIVE_INFINITY }).slice(0, 5);
};

/** A sink knows ids only: an effect has the number and the key of its publication. */
const numbered = (history: readonly Entry[]): readonly Entry[] => {
  const publications = new Map(history.filter(({ f }) => f === 'publish').map((entry) => [entry.id, entry]));
  return history.map((entry) => {
    const { key, seq } = publications.get(entry.id) ?? {};
    return { ...entry, ...(key !== undefined && { key }), ...(seq !== undefined && { seq }) };
  });
};

/** The ids that took effect more than once. */
export const copiesIn = async (url: string): Promise<readonly string[]> => {
  const effects = (await readEntryTables(url)).filter(({ f }) => f === 'effect');
  const byId = Map.groupBy(effects, ({ id }) => id);
  return [...byId].filter(([, copies]) => copies.length > 1).map(([id]) => id);
};
