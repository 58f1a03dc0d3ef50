import { createAside } from './aside.ts';
import type { HeldRow, Lane } from './held-row.ts';
import type { PageSize } from './shard-store.ts';
import type { TopicHealth } from './topic-health.ts';
import { createTopicQueues, type TopicQueue } from './topic-queues.ts';

/** Rows of one topic that are handed over together. */
export interface Batch {
  readonly topic: TopicQueue;
  readonly rows: readonly HeldRow[];
  readonly lanes: readonly Lane[];
  /** One suspect, which nothing may run beside. */
  readonly alone: boolean;
}

export interface RowLanesOptions {
  /** See `RelaySink.failsSuffix`. */
  readonly failsSuffix: boolean;
  /** How many rows a batch may have. */
  readonly batchSize: number;
  readonly healthOf: (topic: string) => TopicHealth;
  /** How much may wait for a delay in memory; the lanes of more are put aside. */
  readonly maxWaiting: PageSize;
  /** A lane has become one to be parked. */
  readonly onParking: (lane: Lane) => void;
  /** These rows are not in memory any more. */
  readonly onAside: (rows: readonly HeldRow[]) => void;
  /** A lane that was put aside may go on: its rows are to be read again. */
  readonly onDue: () => void;
}

/** Which rows may be handed over now. Keeps the order of each key: while a key's row is under way, no later one goes. */
export interface RowLanes {
  /** Takes a row in. Rows of a key are added in order. False: its lane was put aside, and it is read again later. */
  add(row: HeldRow): boolean;
  /** What was put aside and may go on is taken in again: a reading of all rows, from the oldest on, begins now. */
  bringBack(): void;
  /** How many lanes are put aside. */
  readonly aside: number;
  /** The next batch, of at most `room` rows. Its lanes fly until each was given to `release`, `wait` or `park`. */
  take(room: number): Batch | undefined;
  /** The batch is over. */
  landed(batch: Batch): void;
  /** Takes a row out of its lane: it is settled. */
  remove(row: HeldRow): void;
  /** Goes on with a lane. */
  release(lane: Lane): void;
  /** Holds a lane back until it is released. */
  wait(lane: Lane): void;
  /** Marks a lane as one to be parked. */
  park(lane: Lane): void;
  /** Takes all rows out of a parking lane. */
  empty(lane: Lane): readonly HeldRow[];
  /** Puts rows back before all others of a parking lane, and goes on with it. */
  restore(lane: Lane, rows: readonly HeldRow[]): void;
}

export const createRowLanes = (options: RowLanesOptions): RowLanes => {
  const { failsSuffix, batchSize, healthOf, maxWaiting, onParking, onAside, onDue } = options;
  const lanes = new Map<string, Lane>();
  const aside = createAside();
  const waiting = { rows: 0, bytes: 0 };
  const topics = createTopicQueues(healthOf);

  const countWaiting = ({ size, bytes }: Pick<Lane, 'size' | 'bytes'>, sign: 1 | -1): void => {
    waiting.rows += sign * size;
    waiting.bytes += sign * bytes;
  };
  const laneOf = (row: HeldRow): Lane => {
    const key = row.ordered ? row.key : undefined;
    const known = key === undefined ? aside.loose(row) : lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { key, head: undefined, tail: undefined, size: 0, bytes: 0, state: 'new', nextReady: undefined };
    if (key !== undefined) lanes.set(key, lane);
    return lane;
  };
  const park = (lane: Lane): void => {
    lane.state = 'parking';
    onParking(lane);
  };
  const release = (lane: Lane): void => {
    const { head } = lane;
    if (lane.state === 'aside') {
      aside.due(lane);
      onDue();
      return;
    }
    if (lane.state === 'waiting') countWaiting(lane, -1);
    if (head === undefined) {
      if (lane.key !== undefined) lanes.delete(lane.key);
    } else if (head.parking !== undefined) {
      park(lane);
    } else {
      lane.state = 'ready';
      topics.enqueue(head.topic, lane);
    }
  };
  const takeOut = (lane: Lane): readonly HeldRow[] => {
    const rows = rowsOf(lane);
    for (const row of rows) {
      unlink(lane, row);
      topics.count(row.topic, -1);
    }
    return rows;
  };
  /** Not those that may have killed a process: whether they run alone is known of what is in memory only. */
  const mayBePutAside = (lane: Lane): boolean =>
    (waiting.rows > maxWaiting.rows || waiting.bytes > maxWaiting.bytes) &&
    aside.size < maxAside &&
    !rowsOf(lane).some(({ unproven, suspect, parking }) => unproven || suspect || parking !== undefined);
  const putAsideWhereNeeded = (lane: Lane): void => {
    if (lane.head === undefined || !mayBePutAside(lane)) return;
    countWaiting(lane, -1);
    lane.state = 'aside';
    aside.put(lane, lane.head);
    onAside(takeOut(lane));
  };
  const takeLanes = (topic: TopicQueue, most: number): Batch => {
    const rows: HeldRow[] = [];
    const taken: Lane[] = [];
    for (let lane = topic.first; lane !== undefined && rows.length < most; lane = topic.first) {
      if (lane.head?.suspect && rows.length > 0) break;
      topics.dequeue(topic);
      lane.state = 'flying';
      taken.push(lane);
      if (lane.head?.suspect) return { topic, rows: [lane.head], lanes: taken, alone: true };
      takeRows(lane, rows, failsSuffix ? most : rows.length + 1);
    }
    return { topic, rows, lanes: taken, alone: false };
  };
  return {
    add: (row) => {
      const lane = laneOf(row);
      if (lane.state === 'aside') return false;
      aside.recall(row);
      row.lane = lane;
      lane.size++;
      lane.bytes += row.place.bytes;
      topics.count(row.topic, 1);
      if (lane.tail !== undefined) {
        lane.tail.next = row;
        lane.tail = row;
        if (lane.state === 'waiting') {
          countWaiting({ size: 1, bytes: row.place.bytes }, 1);
          putAsideWhereNeeded(lane);
        }
        return true;
      }
      lane.head = row;
      lane.tail = row;
      if (lane.state === 'new') release(lane);
      return true;
    },
    bringBack: () => {
      for (const { key } of aside.bringBack()) if (key !== undefined) lanes.delete(key);
    },
    get aside() {
      return aside.size;
    },
    take: (room) => {
      const topic = room > 0 ? topics.next(failsSuffix) : undefined;
      if (topic === undefined) return undefined;
      topic.flying++;
      return takeLanes(topic, Math.min(room, batchSize));
    },
    landed: ({ topic }) => {
      topic.flying--;
    },
    remove: (row) => {
      if (row.lane !== undefined) unlink(row.lane, row);
      topics.count(row.topic, -1);
    },
    release,
    wait: (lane) => {
      lane.state = 'waiting';
      countWaiting(lane, 1);
      putAsideWhereNeeded(lane);
    },
    park,
    empty: takeOut,
    restore: (lane, rows) => {
      for (const row of rows.toReversed()) {
        row.lane = lane;
        row.next = lane.head;
        lane.head = row;
        lane.size++;
        lane.bytes += row.place.bytes;
        lane.tail ??= row;
        topics.count(row.topic, 1);
      }
      release(lane);
    },
  };
};

/** Each is a name and a few numbers. With more, reading waits: memory is bounded. */
const maxAside = 10_000;

const rowsOf = (lane: Lane): HeldRow[] => {
  const rows: HeldRow[] = [];
  for (let row = lane.head; row !== undefined; row = row.next) rows.push(row);
  return rows;
};

/** A lane's first rows of one topic, appended to `rows` up to `limit`. A suspect is left for a batch of its own. */
const takeRows = (lane: Lane, rows: HeldRow[], limit: number): void => {
  const topic = lane.head?.topic;
  for (let row = lane.head; row !== undefined && rows.length < limit; row = row.next) {
    if (row.topic !== topic || row.parking !== undefined || row.suspect) return;
    rows.push(row);
  }
};

/** Nearly always the row is the lane's first. */
const unlink = (lane: Lane, row: HeldRow): void => {
  if (lane.head === row) {
    lane.head = row.next;
    if (lane.head === undefined) lane.tail = undefined;
  } else {
    let before = lane.head;
    while (before !== undefined && before.next !== row) before = before.next;
    if (before === undefined) return;
    before.next = row.next;
    if (lane.tail === row) lane.tail = before;
  }
  lane.size--;
  lane.bytes -= row.place.bytes;
  row.next = undefined;
  row.lane = undefined;
};
