import type { Idempotency, OncePerKeyOutcome } from '@holdfast/idempotency';

/** Work that ends when it is told to, whatever its signal says. */
export interface WorkUnderWay {
  readonly running: Promise<OncePerKeyOutcome<string>>;
  readonly signal: AbortSignal;
  readonly end: (value: string) => void;
}

/** Resolves when the work has begun. */
export const beginWork = async (idempotency: Idempotency, key: string): Promise<WorkUnderWay> => {
  const [began, gate] = [Promise.withResolvers<AbortSignal>(), Promise.withResolvers<string>()];
  const running = idempotency.once(key, ({ signal }) => {
    began.resolve(signal);
    return gate.promise;
  });
  running.catch(() => {});
  return { running, signal: await began.promise, end: gate.resolve };
};
