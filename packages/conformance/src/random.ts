import { systemRuntime } from '@holdfast/core';

let state = 0;

/** Begins again, from the seed in HOLDFAST_SEED or from a new one. Returns it. */
export const seedRandom = (): number => {
  state = Number(process.env.HOLDFAST_SEED ?? Math.floor(systemRuntime.random() * 2 ** 32)) >>> 0;
  return state;
};

/** Uniform in [0, 1), the same after the same seed (mulberry32). */
export const random = (): number => {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
