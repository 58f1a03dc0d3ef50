import { parseArgs } from 'node:util';
import type { Meter } from 'holdfast';
import type { BreakName } from './breaks.ts';

/** What the demo tells each of its processes. */
export interface Role {
  readonly databaseUrl: string;
  readonly port: number;
  readonly broken: BreakName | undefined;
}

export const readRole = (): Role => {
  const { values } = parseArgs({
    options: { 'database-url': { type: 'string' }, port: { type: 'string' }, break: { type: 'string' } },
  });
  return {
    databaseUrl: values['database-url'] ?? '',
    port: Number(values.port ?? 0),
    broken: values.break as BreakName | undefined,
  };
};

/** Counts what a process did, for the live table. Written at once, so that a kill loses no count. */
export const report = (counts: Readonly<Record<string, number>>): void => {
  process.stdout.write(`${JSON.stringify(counts)}\n`);
};

/** A meter that reports each message whose second effect the inbox turned away. */
export const countDuplicates = (): Meter => ({
  count: (name, by) => {
    if (name === 'holdfast.inbox.duplicates') report({ duplicates: by });
  },
  gauge: () => {},
  record: () => {},
});
