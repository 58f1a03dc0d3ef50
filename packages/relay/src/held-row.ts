import type { Row } from '@holdfast/postgres';
import type { Trouble } from './judge.ts';
import type { RelayRow, RowEncoding } from './relay-row.ts';
import type { Lane } from './row-lanes.ts';

/** A row in a relay's memory. Rows of a lane are a linked list, so that a row costs one object. */
export interface HeldRow extends RelayRow {
  /** Where it is stored: the slot of the ring, and the place in it. */
  readonly slot: string;
  readonly tid: string;
  readonly ordered: boolean;
  attempt: number;
  /** Why it is to be parked; {@link keyIsParked}, where only because its key is. Undefined: it is to be handed over. */
  parking: string | undefined;
  /** It may have killed a process: it runs alone. */
  suspect: boolean;
  /** The owner before may have started it, and it has not run here yet. */
  unproven: boolean;
  trouble: Trouble | undefined;
  lane: Lane | undefined;
  next: HeldRow | undefined;
}

/** Parked, because an earlier row of its key is. */
export const keyIsParked = 'key';

/** What `fetch` gave back. */
export const heldRow = (row: Row): HeldRow => ({
  seq: row.seq as string,
  slot: row.slot as string,
  tid: row.tid as string,
  ordered: row.ordered === 'true',
  id: row.id as string,
  key: row.key ?? undefined,
  topic: row.topic as string,
  type: row.type as string,
  headers: row.headers as string,
  body: row.body as string,
  encoding: row.encoding as RowEncoding,
  attempt: 0,
  parking: row.parked === 'true' ? keyIsParked : undefined,
  suspect: false,
  unproven: false,
  trouble: undefined,
  lane: undefined,
  next: undefined,
});
