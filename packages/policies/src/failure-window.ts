/** How many runs ended lately, and how many of them failed. */
export interface FailureWindow {
  readonly ended: number;
  readonly failed: number;
  add(nowMs: number, failed: boolean): void;
  clear(): void;
}

const slicesInAll = 10;

/** Counts over the last `windowMs`, in ten slices that fall away one by one: so over nine tenths of it at least. */
export const createFailureWindow = (windowMs: number): FailureWindow => {
  const slices: { readonly index: number; ended: number; failed: number }[] = [];
  let ended = 0;
  let failed = 0;

  const forget = (index: number): void => {
    for (let oldest = slices[0]; oldest !== undefined && oldest.index <= index - slicesInAll; oldest = slices[0]) {
      slices.shift();
      ended -= oldest.ended;
      failed -= oldest.failed;
    }
  };

  const sliceOf = (index: number) => {
    const newest = slices.at(-1);
    if (newest !== undefined && newest.index >= index) return newest;
    const slice = { index, ended: 0, failed: 0 };
    slices.push(slice);
    return slice;
  };

  return {
    get ended() {
      return ended;
    },
    get failed() {
      return failed;
    },
    add: (nowMs, hasFailed) => {
      const index = Math.floor((nowMs / windowMs) * slicesInAll);
      forget(index);
      const slice = sliceOf(index);
      slice.ended++;
      ended++;
      if (!hasFailed) return;
      slice.failed++;
      failed++;
    },
    clear: () => {
      slices.length = 0;
      ended = 0;
      failed = 0;
    },
  };
};
