/** A queue: constant time at both ends, no memory kept behind its head. Unbounded by itself; its user bounds it. */
export interface Fifo<T extends object> {
  readonly size: number;
  push(item: T): void;
  peek(): T | undefined;
  shift(): T | undefined;
  /** Takes out, in order, all that match. */
  remove(match: (item: T) => boolean): T[];
}

/** Below this many free places at the front, moving the rest is not worth it. */
const compactAbove = 64;

export const createFifo = <T extends object>(): Fifo<T> => {
  let items: (T | undefined)[] = [];
  let head = 0;

  const compact = (): void => {
    if (head === items.length) items.length = head = 0;
    else if (head > compactAbove && head * 2 > items.length) {
      items = items.slice(head);
      head = 0;
    }
  };

  return {
    get size() {
      return items.length - head;
    },
    push: (item) => {
      items.push(item);
    },
    peek: () => items[head],
    shift: () => {
      const item = items[head];
      if (item === undefined) return undefined;
      items[head++] = undefined;
      compact();
      return item;
    },
    remove: (match) => {
      const kept: T[] = [];
      const removed: T[] = [];
      for (const item of items.slice(head) as T[]) (match(item) ? removed : kept).push(item);
      items = kept;
      head = 0;
      return removed;
    },
  };
};
