import { type Entry, readEntryTables } from '../../harness/index.ts';

/** The history in the database at `url`, in which an effect has the number that its message was published with. */
export const readCrashHistory = async (url: string): Promise<readonly Entry[]> => {
  const history = await readEntryTables(url);
  const numbers = new Map(history.filter(({ f }) => f === 'publish').map(({ id, seq }) => [id, seq]));
  return history.map((entry) => {
    const seq = entry.f === 'effect' ? numbers.get(entry.id) : undefined;
    return seq === undefined ? entry : { ...entry, seq };
  });
};
