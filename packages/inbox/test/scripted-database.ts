import type { Database, Row } from '@holdfast/postgres';

/** A database that answers as the test says, and remembers what it was asked outside of transactions. */
export interface ScriptedDatabase extends Database<string> {
  readonly executed: readonly { readonly text: string; readonly values: readonly string[] }[];
}

export const scriptedDatabase = (
  answer: (text: string, values: readonly string[]) => Promise<readonly Row[]>,
): ScriptedDatabase => {
  const executed: { text: string; values: readonly string[] }[] = [];
  return {
    schema: '"holdfast"',
    transaction: async (work, { opening } = {}) =>
      work('tx', opening ? await answer(opening.text, opening.values) : []),
    query: (_tx, text, values) => answer(text, values),
    execute: (text, values) => {
      executed.push({ text, values });
      return answer(text, values);
    },
    executed,
  };
};
