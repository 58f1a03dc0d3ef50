import { InvalidKeyError } from './errors.ts';

/** Long enough for a caller and a key of theirs, short enough for every store's index. */
const maxBytes = 1_000;

/** Throws {@link InvalidKeyError} for what a store could not keep as it is, or would fail on together with its neighbours. */
export const checkKey = (what: string, text: string): void => {
  if (typeof text !== 'string' || text === '') throw new InvalidKeyError(`found no ${what}; expected a text`);
  checkText(what, text);
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) {
    throw new InvalidKeyError(
      `found a ${what} of ${Buffer.byteLength(text)} bytes, at most ${maxBytes} are taken; hash what is longer`,
    );
  }
};

/** Throws {@link InvalidKeyError} for text that comes back from no store as it was. */
export const checkText = (what: string, text: string): void => {
  if (!text.includes('\0') && text.isWellFormed()) return;
  throw new InvalidKeyError(`found a ${what} with a NUL or half a surrogate pair; encode it first`);
};
