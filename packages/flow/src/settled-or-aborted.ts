/** Resolves when `work` ends, however, or when the signal aborts. */
export const settledOrAborted = async (work: Promise<unknown>, signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  signal.addEventListener('abort', end, { once: true });
  work.then(end, end);
  if (signal.aborted) end();
  await promise;
  signal.removeEventListener('abort', end);
};
