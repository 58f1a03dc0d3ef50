import type fc from 'fast-check';
import { type HeldRow, heldRow, keyIsParked } from '../src/held-row.ts';
import type { Position } from '../src/position.ts';
import type { Page, PageSize, ShardStore } from '../src/shard-store.ts';

/** A relay table of one shard in memory, whose statements take their effect at one moment and are answered at another. */
export interface FakeRing {
  readonly store: ShardStore;
  add(message: { readonly key: string | undefined; readonly topic: string }): void;
  /** The id of the so-manieth message. */
  idOf(index: number): string;
  unparkAll(): void;
  /** Rows that are neither confirmed nor gone. */
  readonly left: number;
  /** A timer that fires whenever the scheduler wants. */
  soon(delayMs: number, callback: () => void): () => void;
}

interface Stored {
  readonly seq: number;
  readonly id: string;
  readonly key: string | undefined;
  readonly topic: string;
}

export const createFakeRing = (scheduler: fc.Scheduler): FakeRing => {
  let ring: Stored[] = [];
  let parked: Stored[] = [];
  let drawn = 0;
  let added = 0;

  const draw = (): number => ++drawn;
  const statement = async <T>(name: string, run: () => T): Promise<T> => {
    await scheduler.schedule(Promise.resolve(), name);
    const result = run();
    await scheduler.schedule(Promise.resolve(), `${name} answers`);
    return result;
  };
  const isParked = (key: string | undefined): boolean => key !== undefined && parked.some((row) => row.key === key);
  const rowOf = ({ seq, id, key, topic }: Stored): HeldRow =>
    heldRow(
      {
        place: `${seq} 0(0,${seq}) utf8 ${key === undefined ? 'unordered' : isParked(key) ? 'parked' : 'ordered'}`,
        ...{ id, key: key ?? null, topic, type: 't', headers: '{}', body: '{}' },
      },
      0,
    );
  /** A snapshot is the last number that it shows. */
  const read = (position: Position, snapshot: number, after: number, size: PageSize): Page => {
    const seen = Number(position.seen?.split(':')[1] ?? 0);
    const rows = ring.filter(({ seq }) => seq > seen && seq > after && seq <= snapshot).map(rowOf);
    let [count, bytes] = [0, 0];
    for (; count < Math.min(rows.length, size.rows) && bytes < size.bytes; count++) {
      bytes += (rows[count]?.headers.length ?? 0) + (rows[count]?.body.length ?? 0);
    }
    return { rows: rows.slice(0, count), full: count === size.rows || bytes >= size.bytes };
  };
  const store: ShardStore = {
    begin: () => statement('begin', () => ({ incarnation: 'i', tick: { seq: 0n, xid: 0n } })),
    fetch: (position, size) =>
      statement('fetch', () => ({ snapshot: `0:${drawn}:`, ...read(position, drawn, 0, size) })),
    fetchOn: (position, { snapshot, after, size }) => {
      // The flag of a parked key is of the page's own statement, in the database too.
      return statement('fetch on', () => read(position, Number(snapshot.split(':')[1]), Number(after), size));
    },
    settle: (rows) =>
      statement('settle', () => {
        const gone = new Set(rows.map(({ seq }) => seq));
        ring = ring.filter(({ seq }) => !gone.has(`${seq}`));
        return { seq: 0n, xid: 0n };
      }),
    park: (rows) =>
      statement('park', () => {
        const kept = new Set<string>();
        for (const first of [true, false]) {
          for (const { seq, key, parking } of rows.filter((row) => (row.parking !== keyIsParked) === first)) {
            const stored = ring.find((row) => `${row.seq}` === seq);
            if (stored === undefined) continue;
            if (parking === keyIsParked && !isParked(key)) {
              kept.add(seq);
              continue;
            }
            ring = ring.filter((row) => row !== stored);
            parked.push(stored);
          }
        }
        return kept;
      }),
    markAlone: () => statement('mark', () => 'marked' as const),
    countDeaths: () => statement('count', () => new Map()),
  };
  return {
    store,
    add: ({ key, topic }) => ring.push({ seq: draw(), id: `m${added++}`, key, topic }),
    idOf: (index) => `m${index}`,
    unparkAll: () => {
      for (const key of new Set(parked.map((row) => row.key))) {
        const back = parked.filter((row) => row.key === key);
        const later = key === undefined ? [] : ring.filter((row) => row.key === key);
        parked = parked.filter((row) => row.key !== key);
        ring = ring.filter((row) => !later.includes(row));
        const again = [...back, ...later].sort((a, b) => a.seq - b.seq);
        ring.push(...again.map((row) => ({ ...row, seq: draw() })));
      }
    },
    get left() {
      return ring.length + parked.length;
    },
    soon: (_delayMs, callback) => {
      let cancelled = false;
      void scheduler.schedule(Promise.resolve(), 'timer').then(() => {
        if (!cancelled) callback();
      });
      return () => {
        cancelled = true;
      };
    },
  };
};
