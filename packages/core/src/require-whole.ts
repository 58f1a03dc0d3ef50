import { InvalidOptionError } from './errors.ts';

/** Throws `invalid_option` unless `found` is a whole number from `least` to `most`. */
export const requireWhole = (
  option: string,
  found: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void => {
  if (Number.isSafeInteger(found) && found >= least && found <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  throw new InvalidOptionError(option, `found ${found}; expected a whole number ${range}`);
};
