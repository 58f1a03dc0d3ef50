import type { Row } from '@holdfast/postgres';
import type { Trouble } from './judge.ts';
import type { RelayRow, RowEncoding } from './relay-row.ts';

/** A row in a relay's memory. Rows of a lane are a linked list, so that a row costs one object. */
export interface HeldRow extends RelayRow {
  /** Where it is stored: the slot of the ring, and the place in it. */
  readonly slot: string;
  readonly tid: string;
  readonly ordered: boolean;
  /** How many bytes it counts for in memory. */
  bytes: number;
  attempt: number;
  deaths: number | undefined;
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

/** The rows of one key in memory, in order; or one row that has no order. */
export interface Lane {
  readonly key: string | undefined;
  head: HeldRow | undefined;
  tail: HeldRow | undefined;
  /** How many rows it has in memory, and for how many bytes they count. */
  size: number;
  bytes: number;
  /**
   * `flying`: its first rows are being handed over; `waiting`: not before a delay; `aside`: as waiting, and its rows are not
   * in memory; `parking`: all of it is to be parked.
   */
  state: 'new' | 'ready' | 'flying' | 'waiting' | 'aside' | 'parking';
  /** The lane behind it among those of its topic that are ready. */
  nextReady: Lane | undefined;
}

/** Parked, because an earlier row of its key is. */
export const keyIsParked = 'key';

/** What `fetch` gave back of a shard. */
export const heldRow = (row: Row, shard: number): HeldRow => {
  const [seq = '', at = '', encoding = 'utf8', state] = (row.place as string).split(' ');
  const paren = at.indexOf('(');
  return {
    seq,
    shard,
    slot: at.slice(0, paren),
    tid: at.slice(paren),
    ordered: state !== 'unordered',
    id: row.id as string,
    key: row.key ?? undefined,
    topic: row.topic as string,
    type: row.type as string,
    headers: row.headers as string,
    body: row.body as string,
    encoding: encoding === 'full' ? 'utf8' : (encoding as RowEncoding),
    bytes: 0,
    attempt: 0,
    deaths: undefined,
    parking: state === 'parked' ? keyIsParked : undefined,
    suspect: false,
    unproven: false,
    trouble: undefined,
    lane: undefined,
    next: undefined,
  };
};
