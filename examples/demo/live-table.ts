/** One line of the live table. */
export interface Reading {
  readonly seconds: number;
  readonly placed: number;
  readonly relayed: number;
  readonly delivered: number;
  readonly duplicates: number;
  readonly effects: number;
  readonly pending: number;
  readonly oldestMs: number;
  readonly killed: string;
}

const columns: readonly (readonly [title: string, width: number, cell: (reading: Reading) => string])[] = [
  ['time', 6, (r) => `${r.seconds.toFixed(0)} s`],
  ['placed', 8, (r) => String(r.placed)],
  ['relayed', 8, (r) => String(r.relayed)],
  ['delivered', 10, (r) => String(r.delivered)],
  ['duplicates caught', 18, (r) => String(r.duplicates)],
  ['effects', 8, (r) => String(r.effects)],
  ['pending', 8, (r) => String(r.pending)],
  ['oldest', 9, (r) => `${r.oldestMs.toFixed(0)} ms`],
];

export const tableHead = (): string => `${columns.map(([title, width]) => title.padStart(width)).join(' ')}  killed`;

export const tableLine = (reading: Reading): string =>
  `${columns.map(([, width, cell]) => cell(reading).padStart(width)).join(' ')}  ${reading.killed}`;
