import { checkMessage, InvalidMessageError, type Message } from '@holdfast/core';
import { checkId } from './inbox-records.ts';

/** A key is part of an index. */
const maxKeyBytes = 1_000;

/** Throws {@link InvalidMessageError} for what Postgres cannot hold. */
export const checkStorable = (message: Message): void => {
  checkMessage(message);
  checkId(message);
  const bytes = Buffer.byteLength(message.key ?? '');
  if (bytes > maxKeyBytes) {
    throw new InvalidMessageError(
      `message '${message.id}' has a key of ${bytes} bytes; the inbox takes ${maxKeyBytes}`,
    );
  }
};
