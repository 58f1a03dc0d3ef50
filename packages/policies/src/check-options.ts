import { InvalidOptionError } from '@holdfast/core';

/** What a timer can wait in one go, 24.8 days. */
const maxMs = 2 ** 31 - 1;

/** Throws `invalid_option` unless `found` is a time that can be waited. */
export const requireMs = (option: string, found: number, leastMs = 1): void => {
  if (found >= leastMs && found <= maxMs) return;
  throw new InvalidOptionError(option, `found ${found}; expected milliseconds from ${leastMs} to ${maxMs}`);
};

/** Throws `invalid_option` unless `found` is above 0 and at most 1. */
export const requireShare = (option: string, found: number): void => {
  if (found > 0 && found <= 1) return;
  throw new InvalidOptionError(option, `found ${found}; expected a share above 0 and at most 1`);
};
