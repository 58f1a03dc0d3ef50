import { type Clock, HoldfastError } from '@holdfast/core';

/** A signal as a promise that only rejects. Dispose it, or a long-lived signal collects listeners. */
export interface Abortion {
  readonly aborted: Promise<never>;
  dispose(): void;
}

/** Rejects with the signal's reason when it aborts; never settles without a signal. */
export const watchAbort = (signal: AbortSignal | undefined): Abortion => {
  let dispose = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    if (signal === undefined) return;
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    dispose = () => signal.removeEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
  aborted.catch(() => {});
  return { aborted, dispose };
};

export interface Limit {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs with a signal that aborts after `timeoutMs`, and with `signal`. */
export const withDeadline = async <T>(
  { clock, timeoutMs, signal }: Limit,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const giveUp = (): void => controller.abort(signal?.reason);
  const cancel = clock.after(timeoutMs, () => controller.abort(new DatabaseTimeoutError(timeoutMs)));
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    return await run(controller.signal);
  } finally {
    cancel();
    signal?.removeEventListener('abort', giveUp);
  }
};

/** Postgres did not answer in time; the connection was given up. */
export class DatabaseTimeoutError extends HoldfastError {
  override readonly code = 'database_timeout';
  constructor(timeoutMs: number) {
    super(`no answer from Postgres within ${Math.round(timeoutMs)} ms; the connection was given up`, {
      retryable: true,
    });
  }
}
