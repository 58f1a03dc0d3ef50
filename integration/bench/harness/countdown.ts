/** Resolves when so many things have happened. */
export interface Countdown {
  readonly done: Promise<void>;
  readonly count: number;
  add(count: number): void;
}

export const createCountdown = (target: number): Countdown => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  return {
    done: promise,
    get count() {
      return count;
    },
    add: (more) => {
      count += more;
      if (count >= target) resolve();
    },
  };
};
