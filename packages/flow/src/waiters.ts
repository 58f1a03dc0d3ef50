/** Promises that wait in line. Each settles exactly once: by its turn, by its signal, or by `rejectAll`. */
export interface Waiters<Want, Got> {
  readonly size: number;
  /** What the first in line waits for. */
  readonly first: Want | undefined;
  wait(want: Want, signal?: AbortSignal): Promise<Got>;
  resolveFirst(got: Got): void;
  resolveAll(got: Got): void;
  rejectAll(error: unknown): void;
}

/** A ring of waiters around a head, so that one that aborts leaves from the middle in constant time. */
interface Link {
  previous: Link;
  next: Link;
}

interface Waiter<Want, Got> extends Link {
  readonly want: Want;
  resolve(got: Got): void;
  reject(error: unknown): void;
}

/** `onAbort` is called after one has left by its signal: those behind it may have their turn now. */
export const createWaiters = <Want, Got>(onAbort: () => void = () => {}): Waiters<Want, Got> => {
  let size = 0;
  const head = {} as Link;
  head.previous = head.next = head;
  const firstWaiter = (): Waiter<Want, Got> | undefined =>
    head.next === head ? undefined : (head.next as Waiter<Want, Got>);

  const leave = (waiter: Link): void => {
    waiter.previous.next = waiter.next;
    waiter.next.previous = waiter.previous;
    size--;
  };

  const join = (
    want: Want,
    signal: AbortSignal | undefined,
    settle: Pick<Waiter<Want, Got>, 'resolve' | 'reject'>,
  ): void => {
    const end = (): void => {
      leave(waiter);
      signal?.removeEventListener('abort', abort);
    };
    const waiter: Waiter<Want, Got> = {
      want,
      previous: head.previous,
      next: head,
      resolve: (got) => {
        end();
        settle.resolve(got);
      },
      reject: (error) => {
        end();
        settle.reject(error);
      },
    };
    const abort = (): void => {
      waiter.reject(signal?.reason);
      onAbort();
    };
    head.previous.next = waiter;
    head.previous = waiter;
    size++;
    signal?.addEventListener('abort', abort, { once: true });
  };

  return {
    get size() {
      return size;
    },
    get first() {
      return firstWaiter()?.want;
    },
    wait: (want, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        join(want, signal, { resolve, reject });
      }),
    resolveFirst: (got) => firstWaiter()?.resolve(got),
    resolveAll: (got) => {
      for (let left = size; left > 0; left--) firstWaiter()?.resolve(got);
    },
    rejectAll: (error) => {
      for (let left = size; left > 0; left--) firstWaiter()?.reject(error);
    },
  };
};
