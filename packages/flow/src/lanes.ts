import type { Clock } from '@holdfast/core';
import { createLaneScheduler } from './lane-scheduler.ts';

/**
 * How one run of an item ended. `again`: the same item, in the same place of its lane, not before `delayMs`; while it
 * waits it holds up its lane and nothing else.
 */
export type Turn = { readonly turn: 'done' } | { readonly turn: 'again'; readonly delayMs: number };

export interface LanesOptions<Item> {
  /** How many items run at once. */
  readonly concurrency: number;
  /** Items of one lane run one after another, in the order they were pushed. Undefined: in no lane, without order. */
  readonly laneOf: (item: Item) => string | undefined;
  readonly run: (item: Item) => Promise<Turn>;
  readonly clock: Clock;
  /** Told when `run` throws or rejects, which is a bug of whoever wrote it; the item then counts as done. */
  readonly onError?: ((error: unknown, item: Item) => void) | undefined;
}

/**
 * Runs items: one lane serially in the order of pushing, different lanes concurrently. Ready lanes take turns, so none
 * starves. Unbounded by itself; the window of its user bounds it.
 */
export interface Lanes<Item> {
  /** Never waits. May start the item before it returns. */
  push(item: Item): void;
  /** Starts nothing until `resume`; what runs goes on. */
  pause(): void;
  resume(): void;
  /** Takes out what matches and is not running, waiting ones included. Order is kept within a lane. */
  drop(match: (item: Item) => boolean): Item[];
  /** Resolves when it is empty. */
  idle(signal?: AbortSignal): Promise<void>;
  /** All items, the running included. */
  readonly size: number;
  readonly running: number;
  /** Items that wait for their delay. */
  readonly waiting: number;
}

export const createLanes = <Item>(options: LanesOptions<Item>): Lanes<Item> => {
  const { concurrency, laneOf, run, clock, onError = () => {} } = options;
  return createLaneScheduler<Item, Turn>({
    concurrency,
    laneOf,
    run,
    clock,
    turnAfter: (_item, turn) => turn,
    turnAfterError: (item, error) => {
      // In its own step, so that an `onError` that throws is an unhandled rejection and not a lane that never ends.
      queueMicrotask(() => onError(error, item));
      return { turn: 'done' };
    },
  });
};
