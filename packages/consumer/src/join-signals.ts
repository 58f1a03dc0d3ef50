/** One signal that aborts when any of several does. Leave it, or they keep it for as long as they live. */
export interface JoinedSignal {
  readonly signal: AbortSignal;
  leave(): void;
}

export const joinSignals = (signals: readonly AbortSignal[]): JoinedSignal => {
  const distinct = [...new Set(signals)];
  const [only] = distinct;
  if (only !== undefined && distinct.length === 1) return { signal: only, leave: () => {} };
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(distinct.find(({ aborted }) => aborted)?.reason);
  for (const signal of distinct) signal.addEventListener('abort', onAbort, { once: true });
  if (distinct.some(({ aborted }) => aborted)) onAbort();
  return {
    signal: controller.signal,
    leave: () => {
      for (const signal of distinct) signal.removeEventListener('abort', onAbort);
    },
  };
};
