import type { Row } from '@holdfast/postgres';

/** The last number drawn (`seq`), read before `xid` was assigned: a transaction with a higher xid draws higher numbers. */
export interface Tick {
  readonly seq: bigint;
  readonly xid: bigint;
}

/** A row with a tick in it. */
export const tickOf = (row: Row | undefined): Tick => ({ seq: BigInt(row?.seq ?? 0), xid: BigInt(row?.xid ?? 0) });

export interface Ticks {
  add(tick: Tick): void;
  /** A number that no transaction with this xid or a higher one has drawn, or any lower: the highest known. */
  floorOf(xid: bigint): bigint;
  /** Forgets everything: the server's numbers are not those that were seen. */
  clear(): void;
}

/**
 * Remembers ticks, at most `capacity` of them. Of those that are too many every other one is dropped among the older
 * half: a lower floor is slower to read from, never wrong.
 */
export const createTicks = (capacity = 256): Ticks => {
  /** Both numbers rise strictly: a tick that another one beats in both is useless. */
  let ticks: Tick[] = [];

  /** How many ticks have an xid below. */
  const countBelow = (xid: bigint): number => {
    let low = 0;
    let high = ticks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ticks[middle] as Tick).xid < xid) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    add: (tick) => {
      const at = countBelow(tick.xid);
      const before = ticks[at - 1];
      if (before !== undefined && before.seq >= tick.seq) return;
      let end = at;
      for (let after = ticks[end]; after !== undefined && after.seq <= tick.seq; after = ticks[end]) end++;
      ticks.splice(at, end - at, tick);
      if (ticks.length > capacity) ticks = ticks.filter((_, index) => index % 2 === 1 || index > capacity / 2);
    },
    floorOf: (xid) => ticks[countBelow(xid) - 1]?.seq ?? 0n,
    clear: () => {
      ticks = [];
    },
  };
};
