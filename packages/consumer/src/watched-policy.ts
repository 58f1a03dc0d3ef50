import { type Clock, type Policy, type PolicyObject, toPolicy } from '@holdfast/core';
import type { Bulkhead, CircuitBreaker } from '@holdfast/policies';

/** A policy around handlers, and whether it lets nothing through. */
export interface WatchedPolicy {
  readonly policy: Policy;
  /** Whether it has a filter of its own for the errors that are failures, so that it is shown all of them as they are. */
  readonly hasOwnFilter: boolean;
  /**
   * Tells whether nothing is let through: now, if it is so, and at each change. The returned function ends that. One of
   * which that cannot be known never tells.
   */
  watch(onShut: (shut: boolean) => void): () => void;
}

export const watchedBreaker = (breaker: CircuitBreaker | PolicyObject, clock: Clock): WatchedPolicy => {
  if (isObject(breaker)) return isTheirBreaker(breaker) ? theirBreaker(breaker, clock) : unwatched(breaker);
  const watch: WatchedPolicy['watch'] = (onShut) => {
    if (breaker.state.name === 'open') onShut(true);
    return breaker.onChange(({ name }) => onShut(name === 'open'));
  };
  return { policy: breaker, hasOwnFilter: false, watch };
};

export const watchedBulkhead = (bulkhead: Bulkhead | PolicyObject, clock: Clock): WatchedPolicy => {
  if (isObject(bulkhead)) return isTheirBulkhead(bulkhead) ? theirBulkhead(bulkhead, clock) : unwatched(bulkhead);
  const watch: WatchedPolicy['watch'] = (onShut) => {
    if (bulkhead.state.name === 'full') onShut(true);
    return bulkhead.onChange(({ name }) => onShut(name === 'full'));
  };
  return { policy: bulkhead, hasOwnFilter: false, watch };
};

const isObject = (policy: Policy | PolicyObject): policy is PolicyObject => typeof policy === 'object';

const unwatched = (policy: PolicyObject): WatchedPolicy => ({
  policy: toPolicy(policy),
  hasOwnFilter: true,
  watch: () => () => {},
});

/** A circuit breaker of cockatiel, as far as it is used here. */
interface TheirBreaker extends PolicyObject {
  readonly state: number;
  onStateChange(listener: (state: number) => void): { dispose(): void };
}

const isTheirBreaker = (policy: PolicyObject): policy is TheirBreaker =>
  'onStateChange' in policy && typeof policy.onStateChange === 'function' && 'state' in policy;

/** The values of cockatiel's `CircuitState`. */
const theirOpen = 1;
const theirIsolated = 3;

/** Time alone does not take it out of its open state, a call does: so now and then a message asks. */
const theirBreaker = (breaker: TheirBreaker, clock: Clock): WatchedPolicy => {
  let onRefused = (): void => {};
  const watch: WatchedPolicy['watch'] = (onShut) => {
    let cancel = (): void => {};
    const follow = (state: number): void => {
      cancel();
      onShut(state === theirOpen || state === theirIsolated);
      if (state === theirOpen) cancel = clock.after(askEveryMs, () => onShut(false));
    };
    onRefused = () => {
      if (breaker.state === theirOpen) follow(theirOpen);
    };
    const { dispose } = breaker.onStateChange(follow);
    if (breaker.state === theirOpen || breaker.state === theirIsolated) follow(breaker.state);
    return () => {
      cancel();
      onRefused = () => {};
      dispose();
    };
  };
  return { policy: tellingRefusals(breaker, () => onRefused()), hasOwnFilter: true, watch };
};

/** A bulkhead of cockatiel, as far as it is used here. */
interface TheirBulkhead extends PolicyObject {
  readonly executionSlots: number;
  readonly queueSlots: number;
}

const isTheirBulkhead = (policy: PolicyObject): policy is TheirBulkhead =>
  'executionSlots' in policy && 'queueSlots' in policy;

/** It does not tell when a slot becomes free: it is looked at. */
const theirBulkhead = (bulkhead: TheirBulkhead, clock: Clock): WatchedPolicy => {
  let onRefused = (): void => {};
  const watch: WatchedPolicy['watch'] = (onShut) => {
    let cancel: (() => void) | undefined;
    const isFull = (): boolean => bulkhead.executionSlots + bulkhead.queueSlots === 0;
    const look = (): void => {
      cancel = isFull() ? clock.after(lookEveryMs, look) : undefined;
      if (cancel === undefined) onShut(false);
    };
    onRefused = () => {
      if (cancel !== undefined || !isFull()) return;
      onShut(true);
      cancel = clock.after(lookEveryMs, look);
    };
    onRefused();
    return () => {
      cancel?.();
      onRefused = () => {};
    };
  };
  return { policy: tellingRefusals(bulkhead, () => onRefused()), hasOwnFilter: true, watch };
};

/** Tells of what is rejected without having begun. */
const tellingRefusals = (theirs: PolicyObject, onRefused: () => void): Policy => {
  const policy = toPolicy(theirs);
  return async (operation, signal) => {
    let begun = false;
    try {
      return await policy((inner) => {
        begun = true;
        return operation(inner);
      }, signal);
    } catch (error) {
      if (!begun) onRefused();
      throw error;
    }
  };
};

/** A breaker that is open is asked by a message so often. */
const askEveryMs = 1_000;
const lookEveryMs = 50;
