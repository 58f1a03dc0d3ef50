import type { Receive } from '@holdfast/core';
import { endings } from './ending.ts';

/** Holds deliveries up while it is paused; one whose claim ends meanwhile is handed back. */
export interface PauseGate {
  guard(receive: Receive): Receive;
  pause(): void;
  resume(): void;
}

export const createPauseGate = (): PauseGate => {
  let opening: PromiseWithResolvers<void> | undefined;
  return {
    guard: (receive) => async (delivery) => {
      while (opening !== undefined && !delivery.signal.aborted)
        await settledOrAborted(opening.promise, delivery.signal);
      return delivery.signal.aborted ? endings.handedBack.settlement : receive(delivery);
    },
    pause: () => {
      opening ??= Promise.withResolvers();
    },
    resume: () => {
      opening?.resolve();
      opening = undefined;
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
