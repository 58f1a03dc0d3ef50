import { readFileSync } from 'node:fs';
import { capabilitiesTable } from './capabilities-table.ts';
import { transports } from './transports.ts';

/** docs/transports.md: written by hand, but for the table between these marks. */
export const transportsPage = new URL('../../docs/transports.md', import.meta.url);

const marked = /(<!-- Written by `npm run docs` -->\n\n).*?(\n\n<!-- Until here -->)/s;

/** The page as it is, with the table that the transports' capabilities give now. */
export const withTable = async (): Promise<string> => {
  const all = transports();
  const capabilities = Object.fromEntries(Object.entries(all).map(([name, one]) => [name, one.capabilities]));
  await Promise.all(Object.values(all).map((transport) => transport.close()));
  const page = readFileSync(transportsPage, 'utf8');
  if (!marked.test(page)) throw new Error(`${transportsPage.pathname} has no marks for its table`);
  return page.replace(marked, (_, before, after) => `${before}${capabilitiesTable(capabilities)}${after}`);
};
