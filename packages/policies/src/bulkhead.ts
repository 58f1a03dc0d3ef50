import { createRuntime, type Policy, type Runtime } from '@holdfast/core';
import { createChanges, type Observable, withState } from './changes.ts';
import type { Guard } from './guard.ts';
import { guardPolicy } from './layers.ts';
import { BulkheadFullError } from './rejections.ts';
import { checkSlots, createSlots, type SlotsName, type SlotsOptions } from './slots.ts';

export interface BulkheadOptions extends SlotsOptions {
  /** Says in errors and metrics which one it is. Default `bulkhead`. */
  readonly name?: string | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface BulkheadState {
  /** What becomes of the next call: it runs (`free`), it waits (`waiting`), it is rejected (`full`). */
  readonly name: SlotsName;
  readonly running: number;
  readonly waiting: number;
  /** How many it has refused in its life. */
  readonly rejected: number;
}

export type Bulkhead = Policy & Observable<BulkheadState>;

/**
 * At most `slots` operations at once, so that one slow thing does not take what others need. Up to `queue` more wait, first
 * come first served, until their signal aborts; what comes then rejects with a {@link BulkheadFullError} at once.
 *
 * Counts `holdfast.bulkhead.rejected`; the gauge `holdfast.bulkhead.waiting` is set whenever the queue moves.
 */
export const bulkhead = (options: BulkheadOptions): Bulkhead => {
  const { name = 'bulkhead' } = options;
  const limits = checkSlots(options);
  const { log, meter } = createRuntime(options.runtime);
  const changes = createChanges<BulkheadState>(log, name);
  let rejected = 0;
  let known: SlotsName = 'free';
  let waiting = 0;

  const onMoved = (): void => {
    if (slots.waiting !== waiting) {
      waiting = slots.waiting;
      meter.gauge('holdfast.bulkhead.waiting', waiting, { name });
    }
    if (!changes.watched || slots.name === known) return;
    known = slots.name;
    changes.tell(read());
  };
  const slots = createSlots(limits, onMoved);

  const refuse = (): Error => {
    rejected++;
    meter.count('holdfast.bulkhead.rejected', 1, { name });
    return new BulkheadFullError(name, limits);
  };
  const guard: Guard<void> = {
    enter: ({ signal }) => slots.enter(signal, refuse),
    leave: (_, failure) => {
      slots.leave();
      return failure;
    },
  };
  const read = (): BulkheadState => ({
    name: slots.name,
    running: slots.running,
    waiting: slots.waiting,
    rejected,
  });
  return withState(guardPolicy(guard), read, {
    onChange: (listener: (state: BulkheadState) => void) => {
      if (!changes.watched) known = slots.name;
      return changes.add(listener);
    },
  });
};
