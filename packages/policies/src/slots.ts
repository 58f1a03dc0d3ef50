import { requireWhole } from '@holdfast/core';
import { createWaitingLine } from './waiting-line.ts';

export interface SlotsOptions {
  /** How many run at once. */
  readonly slots: number;
  /** How many more wait for a slot; what comes then is refused. Default 0. */
  readonly queue?: number | undefined;
}

/** What becomes of the next call: it runs, it waits, or it is refused. */
export type SlotsName = 'free' | 'waiting' | 'full';

/** A number of slots and a bounded queue before them. */
export interface Slots {
  readonly name: SlotsName;
  readonly running: number;
  readonly waiting: number;
  /** Takes a slot now, or when the promise resolves; throws what `refuse` gives when there is no room to wait. */
  enter(signal: AbortSignal, refuse: () => Error): Promise<void> | undefined;
  /** Gives a slot back; the first who waits has it next. */
  leave(): void;
}

/** Throws `invalid_option` unless the options can work. */
export const checkSlots = ({ slots, queue = 0 }: SlotsOptions): Required<SlotsOptions> & { readonly queue: number } => {
  requireWhole('slots', slots, 1);
  requireWhole('queue', queue, 0);
  return { slots, queue };
};

/** `onMoved` is called after each change of the name or of the queue. */
export const createSlots = (
  { slots, queue }: { readonly slots: number; readonly queue: number },
  onMoved: () => void,
): Slots => {
  const line = createWaitingLine();
  let running = 0;
  return {
    get name() {
      if (running < slots) return 'free';
      return line.size < queue ? 'waiting' : 'full';
    },
    get running() {
      return running;
    },
    get waiting() {
      return line.size;
    },
    enter: (signal, refuse) => {
      if (running < slots) {
        running++;
        if (running === slots) onMoved();
        return undefined;
      }
      if (line.size >= queue) throw refuse();
      const turn = line.join(signal, onMoved);
      onMoved();
      return turn;
    },
    leave: () => {
      const handedOn = line.admit();
      if (!handedOn) running--;
      if (handedOn || running === slots - 1) onMoved();
    },
  };
};
