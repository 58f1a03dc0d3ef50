/**
 * What makes a failure fail all that was accepted behind it. `place` names a partition; `sequence` numbers calls in the
 * order in which they were accepted.
 */
export interface FailedPartitions {
  /** Everything for these places that was accepted up to now fails. */
  fail(places: Iterable<string>, error: unknown, acceptedUpTo: number): void;
  /** Why a call fails before it is sent; undefined if it may go on. */
  why(places: Iterable<string>, sequence: number): { readonly error: unknown } | undefined;
}

export const createFailedPartitions = (): FailedPartitions => {
  const failures = new Map<string, { readonly error: unknown; readonly acceptedUpTo: number }>();
  let latest = 0;
  return {
    fail: (places, error, acceptedUpTo) => {
      for (const place of places) failures.set(place, { error, acceptedUpTo });
      latest = Math.max(latest, acceptedUpTo);
    },
    why: (places, sequence) => {
      if (sequence > latest) failures.clear();
      if (failures.size === 0) return undefined;
      for (const place of places) {
        const failure = failures.get(place);
        if (failure !== undefined && sequence <= failure.acceptedUpTo) return failure;
      }
      return undefined;
    },
  };
};
