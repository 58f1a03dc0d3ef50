import { type Clock, isHoldfastError, sleep } from '@holdfast/core';
import { replyCodeOf } from './amqp.ts';
import { ConnectionLostError } from './errors.ts';

/** Whether an error says only that the connection or channel has gone, and nothing about what was asked. */
export const isLoss = (error: unknown): boolean => {
  if (isHoldfastError(error)) return error instanceof ConnectionLostError;
  const code = replyCodeOf(error);
  // 403 to 406 answer what was asked. 320 and the 500s end a connection, and without a code there was no answer at all.
  return code === undefined || code < 400 || code >= 500;
};

const pauseMs = 50;

/** Does it again where the connection was lost meanwhile, for up to `limitMs`. For what may be done twice. */
export const persevere = async <T>(clock: Clock, limitMs: number, work: () => Promise<T>): Promise<T> => {
  for (const startedAt = clock.monotonic(); ; ) {
    try {
      return await work();
    } catch (error) {
      if (!isLoss(error)) throw error;
      if (clock.monotonic() - startedAt >= limitMs) {
        throw isHoldfastError(error) ? error : new ConnectionLostError('no answer came', error);
      }
      await sleep(clock, pauseMs);
    }
  }
};
