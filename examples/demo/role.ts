import { parseArgs } from 'node:util';
import type { Meter } from 'holdfast';
import type { BreakName } from './breaks.ts';
import type { TransportChoice } from './transport.ts';

/** What the demo tells each of its processes. */
export interface Role extends TransportChoice {
  readonly databaseUrl: string;
  readonly port: number;
  /** Of the card network; empty where there is none. */
  readonly bankUrl: string;
  readonly broken: BreakName | undefined;
}

const names = ['database-url', 'transport', 'broker-url', 'port', 'bank-url', 'break'] as const;

export const readRole = (): Role => {
  const { values } = parseArgs({
    options: Object.fromEntries(names.map((name) => [name, { type: 'string' }] as const)),
  });
  return {
    databaseUrl: values['database-url'] ?? '',
    transport: values.transport as TransportChoice['transport'],
    brokerUrl: values['broker-url'] ?? '',
    port: Number(values.port ?? 0),
    bankUrl: values['bank-url'] ?? '',
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
