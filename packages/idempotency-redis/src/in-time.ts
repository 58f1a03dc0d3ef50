import type { Clock } from '@holdfast/core';
import { RedisTimeoutError } from './errors.ts';

/** Rejects after `timeoutMs`, whatever `work` does: the driver may wait for a connection for as long as its own options say. */
export const inTime = async <T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => late.reject(new RedisTimeoutError(timeoutMs)));
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
};
