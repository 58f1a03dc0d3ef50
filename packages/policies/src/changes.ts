import type { Log, Policy } from '@holdfast/core';

/** A policy whose state can be read and watched. */
export interface Observable<State> {
  /** How it stands now: a snapshot. */
  readonly state: State;
  /** Calls `listener` after each change of the state's name; the returned function ends that. */
  onChange(listener: (state: State) => void): () => void;
}

/** Who watches a policy. */
export interface Changes<State> {
  readonly watched: boolean;
  add(listener: (state: State) => void): () => void;
  /** A listener that throws is logged: the run in which the state changed has nothing to do with it. */
  tell(state: State): void;
}

/** `onWatched` is called when the first comes and when the last has left. */
export const createChanges = <State>(log: Log, name: string, onWatched: () => void = () => {}): Changes<State> => {
  const listeners = new Set<{ readonly listener: (state: State) => void }>();
  return {
    get watched() {
      return listeners.size > 0;
    },
    add: (listener) => {
      const entry = { listener };
      listeners.add(entry);
      if (listeners.size === 1) onWatched();
      return () => {
        if (listeners.delete(entry) && listeners.size === 0) onWatched();
      };
    },
    tell: (state) => {
      for (const { listener } of listeners) {
        try {
          listener(state);
        } catch (error) {
          log.error({ policy: name, error }, 'a listener to the changes of a policy threw');
        }
      }
    },
  };
};

/** Gives a policy a state that is read when asked for. */
export const withState = <State, Extra extends object>(
  policy: Policy,
  read: () => State,
  extra: Extra,
): Policy & { readonly state: State } & Extra =>
  Object.defineProperty(Object.assign(policy, extra), 'state', { get: read, enumerable: true }) as Policy & {
    readonly state: State;
  } & Extra; // which defineProperty does not say
