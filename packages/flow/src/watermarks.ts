import { InvalidOptionError } from '@holdfast/core';

export interface WatermarksOptions {
  /** At or above this level the source is paused. */
  readonly high: number;
  /** At or below this level it is resumed. */
  readonly low: number;
  readonly onHigh: () => void;
  readonly onLow: () => void;
}

/** Turns a level into pause and resume, with a gap between them so that they do not flutter. */
export interface Watermarks {
  set(level: number): void;
  /** Whether the high mark was reached and the low one not since. */
  readonly above: boolean;
}

/** `onHigh` and `onLow` are called in turn, `onHigh` first, each only when its mark is reached. */
export const createWatermarks = ({ high, low, onHigh, onLow }: WatermarksOptions): Watermarks => {
  if (!(low < high))
    throw new InvalidOptionError('low', `found ${low}, and high ${high}; expected low to be below high`);
  let above = false;
  return {
    set: (level) => {
      if (!above && level >= high) {
        above = true;
        onHigh();
      } else if (above && level <= low) {
        above = false;
        onLow();
      }
    },
    get above() {
      return above;
    },
  };
};
