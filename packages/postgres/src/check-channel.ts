import { InvalidOptionError } from '@holdfast/core';

/** Postgres refuses a channel of more than 63 bytes. */
export const checkChannel = (channel: string): void => {
  const bytes = Buffer.byteLength(channel);
  if (channel === '' || bytes > 63 || channel.includes('\0')) {
    throw new InvalidOptionError('channel', `found ${bytes} bytes, expected a name of 1 to 63 bytes`);
  }
};
