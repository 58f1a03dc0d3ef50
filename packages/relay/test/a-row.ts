import { type HeldRow, heldRow } from '../src/held-row.ts';

let next = 1;

/** A row as a fetch gives it back. Its id is its number, unless given. */
export const aRow = (parts: Readonly<Record<string, string | null>> = {}): HeldRow => {
  const seq = String(next++);
  return heldRow({
    ...{ seq, slot: '0', tid: `(0,${seq})`, ordered: 'true', parked: 'false', id: seq, key: 'k', topic: 't' },
    ...{ type: 'type', headers: '{}', body: '{}', encoding: 'utf8' },
    ...parts,
  });
};
