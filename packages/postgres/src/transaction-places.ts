import { createWindow, type Window } from '@holdfast/flow';

/** What pg's pool takes for its size where it is not told one. */
const defaultMax = 10;
const left = 2;
/** With fewer connections, whoever opens a transaction inside another one would wait for himself. */
const leastMax = 5;

const places = new WeakMap<object, Window>();

/**
 * How many transactions may hold a connection of the pool at the same time: all but two. Those are left to single statements,
 * so that leases are renewed and relays go on while every handler is in a transaction, however long that takes.
 * Undefined: the pool is too small for that.
 */
export const transactionPlaces = (pool: object): Window | undefined => {
  const known = places.get(pool);
  if (known !== undefined) return known;
  const max = maxOf(pool);
  if (max < leastMax) return undefined;
  const window = createWindow({ capacity: max - left });
  places.set(pool, window);
  return window;
};

const maxOf = (pool: object): number => {
  const options = 'options' in pool && typeof pool.options === 'object' ? pool.options : null;
  return options !== null && 'max' in options && Number.isSafeInteger(options.max) ? Number(options.max) : defaultMax;
};
