import { HoldfastError, InvalidOptionError } from '@holdfast/core';
import { createFifo } from './fifo.ts';
import { createWaiters } from './waiters.ts';

export interface BatcherOptions<In, Out> {
  /** The largest batch. */
  readonly maxSize: number;
  /** How many batches run at once. Default 1. */
  readonly inFlight?: number | undefined;
  /** One result per member, in order. When it rejects, every member's `submit` rejects with the same error. */
  readonly run: (batch: readonly In[]) => Promise<readonly Out[]>;
  /**
   * A batch begins at the end of the current `step`, or of the event loop's current `turn`: then what the end of the last batch sets
   * going is in the next one, and callers that call again and again come together. Default `step`.
   */
  readonly begins?: 'step' | 'turn' | undefined;
  /** How many may wait for a batch; above it `submit` rejects with {@link BatcherFullError}. Default: without limit. */
  readonly capacity?: number | undefined;
}

/**
 * Joins calls into batches without a timer: what was submitted while the last batch was running is the next batch.
 * So a lone call waits for nothing, and under load batches grow by themselves.
 */
export interface Batcher<In, Out> {
  submit(item: In): Promise<Out>;
  /** Members that wait for a batch. */
  readonly queued: number;
  /** Batches that run. */
  readonly flying: number;
  /** Resolves when nothing is queued or running. */
  idle(): Promise<void>;
}

/** As many members wait for a batch as are allowed. */
export class BatcherFullError extends HoldfastError {
  override readonly code = 'batcher_full';
  constructor(capacity: number) {
    super(`${capacity} members wait for a batch already; submit fewer at once or again later`, { retryable: true });
  }
}

/** A batch's run returned another number of results than it had members: nobody's result is known. */
export class BatchResultError extends HoldfastError {
  override readonly code = 'batch_result';
  constructor(members: number, results: number) {
    super(`a batch of ${members} members got ${results} results; its run must return one per member, in order`);
  }
}

interface Member<In, Out> {
  readonly item: In;
  resolve(result: Out): void;
  reject(error: unknown): void;
}

export const createBatcher = <In, Out>(options: BatcherOptions<In, Out>): Batcher<In, Out> => {
  const { maxSize, inFlight = 1, run, begins = 'step', capacity = Number.POSITIVE_INFINITY } = options;
  const soon: (begin: () => void) => unknown = begins === 'step' ? queueMicrotask : setImmediate;
  if (!(maxSize >= 1)) throw new InvalidOptionError('maxSize', `found ${maxSize}; expected a number from 1`);
  if (!(inFlight >= 1)) throw new InvalidOptionError('inFlight', `found ${inFlight}; expected a number from 1`);
  const queue = createFifo<Member<In, Out>>();
  const idlers = createWaiters<void, void>();
  let flying = 0;
  let starting = false;

  /** Starts at the end of the current step, so that what is submitted together flies together. */
  const startSoon = (): void => {
    if (starting || flying >= inFlight) return;
    starting = true;
    soon(() => {
      starting = false;
      while (queue.size > 0 && flying < inFlight) void fly(takeBatch());
    });
  };

  const takeBatch = (): Member<In, Out>[] => {
    const batch: Member<In, Out>[] = [];
    while (batch.length < maxSize) {
      const member = queue.shift();
      if (member === undefined) break;
      batch.push(member);
    }
    return batch;
  };

  const fly = async (batch: readonly Member<In, Out>[]): Promise<void> => {
    flying++;
    try {
      const results = await run(batch.map((member) => member.item));
      if (results.length !== batch.length) throw new BatchResultError(batch.length, results.length);
      batch.forEach((member, at) => {
        member.resolve(results[at] as Out);
      });
    } catch (error) {
      for (const member of batch) member.reject(error);
    }
    flying--;
    if (queue.size > 0) startSoon();
    else if (flying === 0) idlers.resolveAll();
  };

  return {
    submit: (item) =>
      new Promise((resolve, reject) => {
        if (queue.size >= capacity) return reject(new BatcherFullError(capacity));
        queue.push({ item, resolve, reject });
        startSoon();
      }),
    idle: async () => {
      if (queue.size > 0 || flying > 0) await idlers.wait();
    },
    get queued() {
      return queue.size;
    },
    get flying() {
      return flying;
    },
  };
};
