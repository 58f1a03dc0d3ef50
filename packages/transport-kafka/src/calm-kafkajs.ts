import { createRequire } from 'node:module';
import { systemClock } from '@holdfast/core';

/** kafkajs's queue of the requests of one connection, as far as it is mended. */
interface RequestQueue {
  throttledUntil: number;
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const calm = Symbol.for('holdfast.calm-kafkajs');

/**
 * kafkajs looks after its queue in a timer that sets itself again for ever, with a negative delay: every millisecond, for each
 * connection, with a warning on Node 24. It is needed only while something waits or the broker throttles; so it
 * is set only then, for the kafkajs of this process.
 */
export const calmKafkajs = (): void => {
  const found = requestQueue();
  if (found === undefined || calm in found) return;
  const schedule = found.scheduleCheckPendingRequests;
  Object.defineProperty(found, calm, { value: true });
  found.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    // kafkajs compares with the system's clock, so that another one would mean nothing here.
    const throttled = this.throttledUntil > 0 && this.throttledUntil > systemClock.now();
    if (throttled || this.pending.length > 0) schedule.call(this);
  };
};

const requestQueue = (): RequestQueue | undefined => {
  try {
    const RequestQueue: unknown = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
    const prototype: unknown = typeof RequestQueue === 'function' ? RequestQueue.prototype : undefined;
    return isQueue(prototype) ? prototype : undefined;
  } catch {
    // Another version, without this file: nothing to mend that we know of.
    return undefined;
  }
};

const isQueue = (prototype: unknown): prototype is RequestQueue =>
  typeof prototype === 'object' && prototype !== null && 'scheduleCheckPendingRequests' in prototype;
