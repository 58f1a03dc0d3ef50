import type { Row } from '@holdfast/postgres';
import type { Trouble } from './judge.ts';
import type { RelayRow, RowEncoding } from './relay-row.ts';

/** What is kept of a row that is confirmed until it is deleted: its texts need not wait for that. */
export interface Place {
  readonly seq: string;
  /** Where it is stored: the slot of the ring, and the place in it, as `0(12,3)`. */
  readonly at: string;
  /** How many bytes it counts for in memory. */
  bytes: number;
}

/** A row in a relay's memory. Rows of a lane are a linked list, so that a row costs one object. */
export interface HeldRow extends RelayRow {
  readonly place: Place;
  readonly ordered: boolean;
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

const noPlace: Place = { seq: '', at: '', bytes: 0 };
const noRow: HeldRow = {
  ...{ seq: '', shard: 0, place: noPlace, ordered: true },
  ...{ id: '', key: undefined, topic: '', type: '', headers: '', body: '', encoding: 'utf8' },
  ...{ attempt: 0, deaths: undefined, parking: undefined, suspect: false, unproven: false, trouble: undefined },
  ...{ lane: undefined, next: undefined },
};

/**
 * What `fetch` gave back of a shard. Made as a copy: what is made by a literal alone V8 puts with the old objects from the
 * start, once it has found a page's rows all alive, and dead ones there keep their texts until the next full collection.
 */
export const heldRow = (row: Row, shard: number): HeldRow => {
  const [seq = '', at = '', encoding = 'utf8', state] = (row.place as string).split(' ');
  return {
    ...noRow,
    seq,
    shard,
    place: { ...noPlace, seq, at },
    ordered: state !== 'unordered',
    id: row.id as string,
    key: row.key ?? undefined,
    topic: row.topic as string,
    type: row.type as string,
    headers: row.headers as string,
    body: row.body as string,
    encoding: encoding === 'full' ? 'utf8' : (encoding as RowEncoding),
    parking: state === 'parked' ? keyIsParked : undefined,
  };
};

export const slotOf = ({ at }: Place): string => at.slice(0, at.indexOf('('));
