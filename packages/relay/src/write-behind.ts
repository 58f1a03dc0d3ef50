import type { Clock } from '@holdfast/core';

/** Collects items and writes them in batches, one batch under way: what came meanwhile is the next one. */
export interface WriteBehind<Item> {
  add(item: Item): void;
  /** Writes what waits without lingering. */
  hurry(): void;
  /** Items not yet written. */
  readonly size: number;
  /** Writes without lingering; resolves when nothing is waiting or on its way. */
  idle(): Promise<void>;
}

export interface WriteBehindOptions<Item> {
  readonly maxSize: number;
  /** Does not give up before it must; false: nothing more can be written, ever. */
  readonly write: (batch: readonly Item[]) => Promise<boolean>;
  /** How a batch that is not full waits for more. Default: it does not. */
  readonly linger?: Linger | undefined;
}

export interface Linger {
  /** To the next whole multiple of so many milliseconds, so that all who linger write at the same moment. */
  readonly ms: number;
  readonly clock: Clock;
  /** Whether somebody waits for what is written. */
  readonly isUrgent: () => boolean;
}

export const createWriteBehind = <Item>({ maxSize, write, linger }: WriteBehindOptions<Item>): WriteBehind<Item> => {
  let waiting: Item[] = [];
  let flying = 0;
  let running: Promise<void> | undefined;
  /** How many wait for it to be idle. */
  let idlers = 0;
  let hurry = (): void => {};

  const enough = (): boolean => waiting.length >= maxSize || idlers > 0 || linger?.isUrgent() !== false;
  const gather = ({ ms, clock }: Linger): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        hurry = () => {};
        cancel();
        resolve();
      };
      const cancel = clock.after(ms - (clock.monotonic() % ms), end);
      hurry = end;
    });
  const run = async (): Promise<void> => {
    // Lets the caller finish adding: a batch of one would start otherwise.
    await undefined;
    while (waiting.length > 0) {
      if (linger !== undefined && !enough()) await gather(linger);
      const batch = waiting.length > maxSize ? waiting.splice(0, maxSize) : waiting;
      if (batch === waiting) waiting = [];
      flying = batch.length;
      if (!(await write(batch))) waiting = [];
      flying = 0;
    }
    running = undefined;
  };
  return {
    add: (item) => {
      waiting.push(item);
      running ??= run();
      if (enough()) hurry();
    },
    hurry: () => hurry(),
    get size() {
      return waiting.length + flying;
    },
    idle: async () => {
      idlers++;
      hurry();
      while (running !== undefined) await running;
      idlers--;
    },
  };
};
