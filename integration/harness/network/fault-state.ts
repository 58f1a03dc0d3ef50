import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';

/** The fault of the moment, and what it means for bytes on their way. */
export interface FaultState {
  readonly current: Fault;
  inject(fault: Fault): void;
  /** Waits as long as bytes that came at `arrivedAt` (of `performance.now()`) are held back. */
  hold(arrivedAt: number): Promise<void>;
  /** Whether the reply to what was `sent`, after what was sent `before`, is to be lost. It is one of the fault's times. */
  losesReplyTo(sent: string, before: string): boolean;
}

export const createFaultState = (random: () => number): FaultState => {
  let current: Fault = { fault: 'none' };
  let changed = Promise.withResolvers<void>();
  let timesLeft = 0;
  const inject = (fault: Fault): void => {
    current = fault;
    timesLeft = fault.fault === 'drop-reply' ? (fault.times ?? 1) : 0;
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    get current() {
      return current;
    },
    inject,
    hold: async (arrivedAt) => {
      while (current.fault === 'freeze') await changed.promise;
      if (current.fault !== 'delay') return;
      const dueAt = arrivedAt + current.latencyMs + random() * (current.jitterMs ?? 0);
      await sleep(Math.max(0, dueAt - performance.now()));
    },
    losesReplyTo: (sent, before) => {
      if (current.fault !== 'drop-reply' || !contains(sent, before, current.after ?? '')) return false;
      timesLeft -= 1;
      if (timesLeft === 0) inject({ fault: 'none' });
      return true;
    },
  };
};

/** Whether `word` is in what was sent, or began in what was sent before. */
const contains = (sent: string, before: string, word: string): boolean => {
  const begun = word.length > 1 ? before.slice(1 - word.length) : '';
  return (begun + sent).toLowerCase().includes(word.toLowerCase());
};
