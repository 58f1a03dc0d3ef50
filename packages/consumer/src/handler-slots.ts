import { createWindow, settledOrAborted, type Window } from '@holdfast/flow';
import { createPauseGate } from './pause-gate.ts';

/**
 * The bulkhead before the handlers. More messages than handlers are taken in, so that a message's look-up shares its
 * statement with others, and is over when a handler becomes free.
 */
export interface HandlerSlots {
  /**
   * Where enough messages wait for a place already: ends when they are fewer, or when the signal aborts. Those that wait
   * for it go on together. Undefined: there is nothing to wait for.
   */
  untilWanted(signal: AbortSignal): Promise<void> | undefined;
  /** Waits for a place, and while handlers are paused. `shut`: it has none. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<'taken' | 'shut'>;
  leave(): void;
  pause(): void;
  resume(): void;
  /** Gives no place any more, for good. */
  shut(): void;
}

interface Wanting extends PromiseWithResolvers<void> {
  /** One for all that share a signal, as the messages of a partition do. */
  readonly waits: Map<AbortSignal, Promise<void>>;
}

/** `capacity` is asked for at the first message. */
export const createHandlerSlots = (capacity: () => number): HandlerSlots => {
  const gate = createPauseGate();
  let window: Window | undefined;
  let wanting: Wanting | undefined;

  const areWanted = (): boolean => window === undefined || window.waiting <= (window.used + window.free) / 2;
  const leave = (): void => {
    window?.release(1);
    if (wanting === undefined || !areWanted()) return;
    wanting.resolve();
    wanting = undefined;
  };

  return {
    untilWanted: (signal) => {
      if (areWanted()) return undefined;
      wanting ??= { ...Promise.withResolvers<void>(), waits: new Map() };
      const { promise, waits } = wanting;
      const wait = waits.get(signal) ?? settledOrAborted(promise, signal);
      waits.set(signal, wait);
      return wait;
    },
    take: async (signal) => {
      window ??= createWindow({ capacity: capacity() });
      if (!window.tryAcquire(1)) await window.acquire(1, signal);
      if (gate.isOpen) return 'taken';
      const passed = await gate.pass(signal);
      if (passed === 'open') return 'taken';
      leave();
      if (passed === 'shut') return 'shut';
      throw signal.reason;
    },
    leave,
    pause: gate.pause,
    resume: gate.resume,
    shut: gate.shut,
  };
};
