/**
 * Something that wants to know when a signal aborts. It carries the links of its list itself, so that following and
 * leaving allocate nothing.
 */
export interface Follower {
  onAbort(follower: this, reason: unknown): void;
  stem: Stem | undefined;
  previous: Follower | undefined;
  next: Follower | undefined;
}

/** Who follows one signal. Its `listener` is on a signal that somebody else made while there is a follower. */
export interface Stem {
  readonly listener: (() => void) | undefined;
  readonly signal: AbortSignal;
  first: Follower | undefined;
  last: Follower | undefined;
}

/** A signal of our own, that aborts when the one it follows does, or by {@link abort}. */
export interface Branch extends Follower, Stem {
  readonly controller: AbortController;
}

/**
 * Tells `follower` of the signal's abort until {@link unfollow}; one that follows an aborted signal is told nothing.
 *
 * However many follow a foreign signal at once it carries one listener, and none when all have left; a signal of our own
 * carries none ever. So nothing leaks, and Node does not warn of eleven listeners.
 */
export const follow = (signal: MarkedSignal, follower: Follower): void => {
  const stem = signal[mark] ?? plant(signal);
  if (stem.last === undefined) {
    if (stem.listener !== undefined) signal.addEventListener('abort', stem.listener);
    stem.first = follower;
  } else stem.last.next = follower;
  follower.stem = stem;
  follower.previous = stem.last;
  stem.last = follower;
};

/** Harmless for one that follows nothing. */
export const unfollow = (follower: Follower): void => {
  const { stem, previous, next } = follower;
  if (stem === undefined) return;
  if (previous === undefined) stem.first = next;
  else previous.next = next;
  if (next === undefined) stem.last = previous;
  else next.previous = previous;
  follower.stem = undefined;
  follower.previous = undefined;
  follower.next = undefined;
  if (stem.last === undefined && stem.listener !== undefined) stem.signal.removeEventListener('abort', stem.listener);
};

export const follows = (follower: Follower, signal: MarkedSignal): boolean =>
  follower.stem !== undefined && follower.stem === signal[mark];

/** Makes `branch` the owner of its signal, so that what follows it needs no listener. */
export const own = (branch: Branch): void => {
  const signal: MarkedSignal = branch.signal;
  signal[mark] = branch;
};

/** Aborts a branch and all that follows it. */
export const abort = (branch: Branch, reason: unknown): void => {
  branch.controller.abort(reason);
  tell(branch, reason);
};

/** All are let go before the first is told: one of them may follow the signal anew. */
const tell = (stem: Stem, reason: unknown): void => {
  const told: Follower[] = [];
  for (let follower = stem.first; follower !== undefined; follower = stem.first) {
    told.push(follower);
    unfollow(follower);
  }
  for (const follower of told) follower.onAbort(follower, reason);
};

/** How the followers of a signal are found, without a look-up. */
const mark: unique symbol = Symbol('holdfast.followers');
type MarkedSignal = AbortSignal & { [mark]?: Stem };

const plant = (signal: MarkedSignal): Stem => {
  const stem: Stem = { listener: () => tell(stem, signal.reason), signal, first: undefined, last: undefined };
  signal[mark] = stem;
  return stem;
};
