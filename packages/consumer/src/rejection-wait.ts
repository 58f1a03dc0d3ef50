/**
 * How long a message waits that a policy did not let run: as long as the policy asks for, a little more so that not all come
 * at once, and no longer than `holdMs`.
 */
export const rejectionWaitMs = (
  retryAfterMs: number | undefined,
  { holdMs, random }: { readonly holdMs: number; readonly random: () => number },
): number => Math.min(holdMs, Math.max(leastMs, retryAfterMs ?? unknownMs) * (1 + random() / 2));

/** What a rejection says of when to come back. */
export const retryAfterMsOf = (error: unknown): number | undefined => {
  const found = typeof error === 'object' && error !== null && 'retryAfterMs' in error ? error.retryAfterMs : undefined;
  return typeof found === 'number' ? found : undefined;
};

const leastMs = 50;
/** A trial of a breaker runs, or a bulkhead is full. */
const unknownMs = 250;
