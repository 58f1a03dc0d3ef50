import { createWindow, type Window } from '@holdfast/flow';
import { createPauseGate } from './pause-gate.ts';

/**
 * The bulkhead before the handlers. More messages than handlers are taken in, so that a message's look-up shares its
 * statement with others, and is over when a handler becomes free.
 */
export interface HandlerSlots {
  /** Waits for a place, and while handlers are paused. `shut`: it has none. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<'taken' | 'shut'>;
  leave(): void;
  pause(): void;
  resume(): void;
  /** Gives no place any more, for good. */
  shut(): void;
}

/** `capacity` is asked for at the first message. */
export const createHandlerSlots = (capacity: () => number): HandlerSlots => {
  const gate = createPauseGate();
  let window: Window | undefined;

  return {
    take: async (signal) => {
      window ??= createWindow({ capacity: capacity() });
      if (!window.tryAcquire(1)) await window.acquire(1, signal);
      if (gate.isOpen) return 'taken';
      const passed = await gate.pass(signal);
      if (passed === 'open') return 'taken';
      window.release(1);
      if (passed === 'shut') return 'shut';
      throw signal.reason;
    },
    leave: () => window?.release(1),
    pause: gate.pause,
    resume: gate.resume,
    shut: gate.shut,
  };
};
