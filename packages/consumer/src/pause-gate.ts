import type { Delivery, Receive } from '@holdfast/core';
import { endings } from './ending.ts';

/** Holds up what would start a handler while it is paused, and turns it away once it is shut. */
export interface PauseGate {
  /** Neither paused nor shut: there is nothing to wait for. */
  readonly isOpen: boolean;
  /** Waits while it is paused, until `signal` aborts. */
  pass(signal: AbortSignal): Promise<'open' | 'shut' | 'aborted'>;
  /** A delivery that does not get through, because its claim ends meanwhile for example, is handed back. */
  guard<D extends Delivery>(receive: (delivery: D) => ReturnType<Receive>): (delivery: D) => ReturnType<Receive>;
  pause(): void;
  resume(): void;
  /** For good: nobody waits any more, and nobody is let through. */
  shut(): void;
}

export const createPauseGate = (): PauseGate => {
  let opening: PromiseWithResolvers<void> | undefined;
  let isShut = false;

  const pass: PauseGate['pass'] = async (signal) => {
    while (opening !== undefined && !isShut && !signal.aborted) await settledOrAborted(opening.promise, signal);
    if (signal.aborted) return 'aborted';
    return isShut ? 'shut' : 'open';
  };
  const guarded = async <D extends Delivery>(
    receive: (delivery: D) => ReturnType<Receive>,
    delivery: D,
  ): ReturnType<Receive> => {
    switch (await pass(delivery.signal)) {
      case 'open':
        return receive(delivery);
      case 'shut':
        return endings.notStarted.settlement;
      case 'aborted':
        return endings.handedBack.settlement;
    }
  };
  return {
    get isOpen() {
      return opening === undefined && !isShut;
    },
    pass,
    guard: (receive) => (delivery) => guarded(receive, delivery),
    pause: () => {
      opening ??= Promise.withResolvers();
    },
    resume: () => {
      opening?.resolve();
      opening = undefined;
    },
    shut: () => {
      isShut = true;
      opening?.resolve();
    },
  };
};

const settledOrAborted = async (promise: Promise<void>, signal: AbortSignal): Promise<void> => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort);
  await Promise.race([promise, aborted]);
  signal.removeEventListener('abort', onAbort);
};
