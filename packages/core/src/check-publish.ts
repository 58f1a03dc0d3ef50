import { checkMessage } from './encode-message.ts';
import { NotSentError, OversizedBodyError } from './errors.ts';
import type { Message } from './message.ts';
import { PublishError } from './publish-error.ts';

/**
 * What every adapter refuses before it speaks to its broker: throws a `PublishError` if a message cannot be sent whatever
 * the broker's state. Nothing has been sent then, the messages beside it included.
 */
export const checkPublish = (topic: string, messages: readonly Message[], maxBodyBytes: number): void => {
  const errors = messages.map((message) => whyRefused(message, maxBodyBytes));
  const first = errors.findIndex((error) => error !== undefined);
  if (first < 0) return;
  const refused = messages[first]?.id ?? '';
  throw new PublishError(
    topic,
    messages.map(({ id }, index) => ({ outcome: 'failed', error: errors[index] ?? new NotSentError(id, refused) })),
  );
};

const whyRefused = (message: Message, maxBodyBytes: number): unknown => {
  try {
    checkMessage(message);
  } catch (error) {
    return error;
  }
  const bytes = message.body.byteLength;
  return bytes > maxBodyBytes ? new OversizedBodyError(message.id, bytes, maxBodyBytes) : undefined;
};
