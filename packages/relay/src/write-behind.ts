/** Collects items and writes them in batches, one batch under way: what came meanwhile is the next one. */
export interface WriteBehind<Item> {
  add(item: Item): void;
  /** Items not yet written. */
  readonly size: number;
  /** Resolves when nothing is waiting or on its way. */
  idle(): Promise<void>;
}

export interface WriteBehindOptions<Item> {
  readonly maxSize: number;
  /** Does not give up before it must; false: nothing more can be written, ever. */
  readonly write: (batch: readonly Item[]) => Promise<boolean>;
}

export const createWriteBehind = <Item>({ maxSize, write }: WriteBehindOptions<Item>): WriteBehind<Item> => {
  let waiting: Item[] = [];
  let flying = 0;
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    // Lets the caller finish adding: a batch of one would start otherwise.
    await undefined;
    while (waiting.length > 0) {
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
    },
    get size() {
      return waiting.length + flying;
    },
    idle: async () => {
      while (running !== undefined) await running;
    },
  };
};
