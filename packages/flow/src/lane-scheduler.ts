import { type Clock, InvalidOptionError } from '@holdfast/core';
import { createFifo, type Fifo } from './fifo.ts';
import { createWaiters } from './waiters.ts';

/**
 * What comes after a run: the item is `done`; the same runs `again`, in its place and not before `delayMs`, holding no
 * slot while it waits; or it goes `on` in its slot until another result is there.
 */
export type LaneTurn<Result> =
  | { readonly turn: 'done' }
  | { readonly turn: 'again'; readonly delayMs: number }
  | { readonly turn: 'on'; readonly result: Promise<Result> };

export interface LaneSchedulerOptions<Item, Result> {
  readonly concurrency: number;
  readonly laneOf: (item: Item) => string | undefined;
  readonly run: (item: Item) => Promise<Result>;
  /** Decides in the same step in which the slot becomes free. When it throws, `turnAfterError` decides. */
  readonly turnAfter: (item: Item, result: Result) => LaneTurn<Result>;
  /** Must not throw. */
  readonly turnAfterError: (item: Item, error: unknown) => LaneTurn<Result>;
  readonly clock: Clock;
}

export interface LaneScheduler<Item> {
  push(item: Item): void;
  pause(): void;
  resume(): void;
  drop(match: (item: Item) => boolean): Item[];
  idle(signal?: AbortSignal): Promise<void>;
  readonly size: number;
  readonly running: number;
  readonly waiting: number;
}

interface Lane<Item> {
  /** Undefined: the lane of one item without order. */
  readonly name: string | undefined;
  /** The item that runs, or is the next to run. */
  current: Item;
  /** Those behind it. Most lanes never have any. */
  rest: Fifo<Place<Item>> | undefined;
  state: 'ready' | 'running' | 'waiting' | 'over';
  cancelWait: () => void;
}

interface Place<Item> {
  readonly item: Item;
}

const noWait = (): void => {};

/** The engine of {@link createLanes} and of the intake, which needs its decisions made in the step that frees the slot. */
export const createLaneScheduler = <Item, Result>(options: LaneSchedulerOptions<Item, Result>): LaneScheduler<Item> => {
  const { concurrency, laneOf, run, turnAfter, turnAfterError, clock } = options;
  if (!(concurrency >= 1)) {
    throw new InvalidOptionError('concurrency', `found ${concurrency}; expected a number from 1`);
  }
  /** Every lane that has an item, under its name; one without a name under itself. */
  const lanes = new Map<string | Lane<Item>, Lane<Item>>();
  const ready = createFifo<Lane<Item>>();
  const idlers = createWaiters<void, void>();
  let paused = false;
  let size = 0;
  let running = 0;
  let waiting = 0;

  const push = (item: Item): void => {
    size++;
    const name = laneOf(item);
    const lane = name === undefined ? undefined : lanes.get(name);
    if (lane === undefined) open(name, item);
    else {
      lane.rest ??= createFifo();
      lane.rest.push({ item });
    }
  };

  const open = (name: string | undefined, item: Item): void => {
    const lane: Lane<Item> = { name, current: item, rest: undefined, state: 'ready', cancelWait: noWait };
    lanes.set(name ?? lane, lane);
    ready.push(lane);
    startReady();
  };

  const startReady = (): void => {
    while (!paused && running < concurrency) {
      const lane = ready.shift();
      if (lane === undefined) return;
      running++;
      lane.state = 'running';
      follow(lane, attempt(lane.current));
    }
  };

  const attempt = (item: Item): Promise<Result> => {
    try {
      return Promise.resolve(run(item));
    } catch (error) {
      return Promise.reject(error);
    }
  };

  const follow = (lane: Lane<Item>, result: Promise<Result>): void => {
    result.then(
      (value) => finish(lane, decide(lane.current, value)),
      (error) => finish(lane, turnAfterError(lane.current, error)),
    );
  };

  const decide = (item: Item, result: Result): LaneTurn<Result> => {
    try {
      return turnAfter(item, result);
    } catch (error) {
      return turnAfterError(item, error);
    }
  };

  const finish = (lane: Lane<Item>, turn: LaneTurn<Result>): void => {
    if (turn.turn === 'on') {
      follow(lane, turn.result);
      return;
    }
    running--;
    if (turn.turn === 'again') wait(lane, turn.delayMs);
    else next(lane);
    startReady();
  };

  const wait = (lane: Lane<Item>, delayMs: number): void => {
    waiting++;
    lane.state = 'waiting';
    lane.cancelWait = clock.after(delayMs, () => {
      waiting--;
      makeReady(lane);
      startReady();
    });
  };

  const makeReady = (lane: Lane<Item>): void => {
    if (lane.state === 'ready') return;
    lane.state = 'ready';
    ready.push(lane);
  };

  /** The current item is gone: the next one of the lane becomes ready, or the lane is over. */
  const next = (lane: Lane<Item>): void => {
    size--;
    const place = lane.rest?.shift();
    if (place === undefined) {
      lane.state = 'over';
      lanes.delete(lane.name ?? lane);
      if (size === 0) idlers.resolveAll();
    } else {
      lane.current = place.item;
      makeReady(lane);
    }
  };

  const drop = (match: (item: Item) => boolean): Item[] => {
    const dropped: Item[] = [];
    for (const lane of [...lanes.values()]) {
      const behind = lane.rest?.remove(({ item }) => match(item)) ?? [];
      size -= behind.length;
      if (lane.state !== 'running' && match(lane.current)) {
        dropped.push(lane.current);
        dropCurrent(lane);
      }
      for (const { item } of behind) dropped.push(item);
    }
    ready.remove((lane) => lane.state === 'over');
    startReady();
    return dropped;
  };

  const dropCurrent = (lane: Lane<Item>): void => {
    if (lane.state === 'waiting') {
      waiting--;
      lane.cancelWait();
    }
    next(lane);
  };

  return {
    push,
    drop,
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      startReady();
    },
    idle: async (signal) => {
      if (size > 0) await idlers.wait(undefined, signal);
    },
    get size() {
      return size;
    },
    get running() {
      return running;
    },
    get waiting() {
      return waiting;
    },
  };
};
