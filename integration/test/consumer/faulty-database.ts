import type { Database } from '@holdfast/postgres';

/** What happens to a statement: it does not arrive, or its reply is lost; a crash loses everything after it too. */
export type StatementFault = 'none' | 'before' | 'after' | 'crash before' | 'crash after';

export interface FaultyDatabase<Tx> {
  readonly database: Database<Tx>;
  /** Nothing gets through any more, for good. */
  cut(): void;
}

/** A database of which single statements outside of transactions fail as `faultOf` says. */
export const faultyDatabase = <Tx>(
  database: Database<Tx>,
  faultOf: (text: string) => StatementFault,
): FaultyDatabase<Tx> => {
  let isCut = false;
  const lost = (): Error => Object.assign(new Error('the connection is lost'), { code: 'ECONNRESET' });
  const refuseCut = (): void => {
    if (isCut) throw lost();
  };
  return {
    database: {
      ...database,
      execute: async (text, values, options) => {
        refuseCut();
        const fault = faultOf(text);
        if (fault.startsWith('crash')) isCut = true;
        if (fault.endsWith('before')) throw lost();
        const rows = await database.execute(text, values, options);
        if (fault.endsWith('after')) throw lost();
        refuseCut();
        return rows;
      },
      transaction: (work, options) =>
        database.transaction(async (tx, opened) => {
          refuseCut();
          const value = await work(tx, opened);
          refuseCut();
          return value;
        }, options),
    },
    cut: () => {
      isCut = true;
    },
  };
};
