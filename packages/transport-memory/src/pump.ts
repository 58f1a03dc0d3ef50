import type { Intake } from '@holdfast/flow';
import type { Reader } from './reader.ts';

/** Reads while there is something to read and room for it; partitions take turns. */
export interface Pump {
  /** There may be something new. Reads soon, not within the call. */
  wake(): void;
}

export interface PumpOptions {
  readonly intake: Intake;
  readonly readers: () => readonly Reader[];
  readonly signal: AbortSignal;
}

export const createPump = ({ intake, readers, signal }: PumpOptions): Pump => {
  let scheduled = false;
  let waiting = false;
  let turn = 0;

  const readRound = (): 'more' | 'empty' | 'full' => {
    const all = readers();
    let read = 0;
    for (let looked = 0; looked < all.length; looked++) {
      if (intake.room() < 1) return 'full';
      if (all[turn++ % all.length]?.readOne()) read++;
    }
    return read > 0 ? 'more' : 'empty';
  };

  const run = (): void => {
    scheduled = false;
    let found = readRound();
    while (found === 'more') found = readRound();
    if (found === 'full') void runWhenRoom();
  };

  const runWhenRoom = async (): Promise<void> => {
    if (waiting) return;
    waiting = true;
    const roomy = await intake.whenRoom(signal).then(
      () => true,
      () => false,
    );
    waiting = false;
    if (roomy) run();
  };

  return {
    wake: () => {
      if (scheduled || signal.aborted) return;
      scheduled = true;
      queueMicrotask(run);
    },
  };
};
