import type { Ticks } from './ticks.ts';

/**
 * Up to where a shard was read: everything that the snapshot `seen` shows. The next fetch reads what it does not show,
 * from `after` on; and from further back where a transaction that was running has ended, because its numbers are as old
 * as its xid.
 */
export interface Position {
  /** Undefined: nothing was read yet. */
  readonly seen: string | undefined;
  readonly after: string;
  /** Transactions that ran at `seen`, and for each from where to read once it has ended. Arrays as Postgres writes them. */
  readonly lateXids: string;
  readonly lateFloors: string;
}

/** Before the first fetch. */
export const theBeginning: Position = { seen: undefined, after: '0', lateXids: '{}', lateFloors: '{}' };

/** The position after a fetch has read all of its snapshot. */
export const positionAfter = (snapshot: string, ticks: Ticks): Position => {
  const { xmax, running } = parseSnapshot(snapshot);
  const after = ticks.floorOf(xmax);
  const late = running.map((xid) => [xid, ticks.floorOf(xid)] as const).filter(([, floor]) => floor < after);
  return {
    seen: snapshot,
    after: String(after),
    lateXids: `{${late.map(([xid]) => xid)}}`,
    lateFloors: `{${late.map(([, floor]) => floor)}}`,
  };
};

/** Postgres writes a snapshot as `xmin:xmax:running,running…`. */
const parseSnapshot = (snapshot: string): { xmax: bigint; running: readonly bigint[] } => {
  const [, xmax = '0', running = ''] = snapshot.split(':');
  return { xmax: BigInt(xmax), running: running === '' ? [] : running.split(',').map(BigInt) };
};
