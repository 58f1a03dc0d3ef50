import { type HeldRow, heldRow } from '../src/held-row.ts';

let next = 1;

/** A row as a fetch gives it back. Its id is its number, unless given. */
export const aRow = (parts: Readonly<Record<string, string | null>> = {}): HeldRow => {
  const seq = String(next++);
  const row = {
    ...{ place: `${parts.seq ?? seq} 0(0,${seq})`, id: seq, key: 'k', topic: 't', type: 'type' },
    ...{ headers: '{}', body: '{}' },
    ...parts,
  };
  return heldRow(row, 0);
};
