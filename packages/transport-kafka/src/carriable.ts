import { isUtf8 } from 'node:buffer';

/**
 * A header, id or type as a message can carry it on to wherever it goes next: what others wrote may hold a NUL, which no dead
 * letter and no row can. It becomes what bytes become that are no text.
 */
export const carriableText = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\ufffd') : text);

/** A key that is text, as it is; any other, such as a number of eight bytes, as `hex:` and its bytes: each key another text. */
export const carriableKey = (key: Buffer): string => {
  const text = key.toString();
  const isText = !text.includes('\0') && (!text.includes('\ufffd') || isUtf8(key));
  return isText ? text : `hex:${key.toString('hex')}`;
};
