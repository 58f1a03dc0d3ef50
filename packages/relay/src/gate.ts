/** Lets many through together, or one alone. Whoever asked first goes first. */
export interface Gate {
  shared<T>(run: () => Promise<T>): Promise<T>;
  alone<T>(run: () => Promise<T>): Promise<T>;
}

export const createGate = (): Gate => {
  let inside = 0;
  let closed = false;
  const waiting: { readonly alone: boolean; readonly enter: () => void }[] = [];

  const mayEnter = (alone: boolean): boolean => !closed && (!alone || inside === 0);
  const admit = (): void => {
    for (let first = waiting[0]; first !== undefined && mayEnter(first.alone); first = waiting[0]) {
      waiting.shift();
      inside++;
      closed = first.alone;
      first.enter();
    }
  };
  const pass = async <T>(alone: boolean, run: () => Promise<T>): Promise<T> => {
    if (waiting.length === 0 && mayEnter(alone)) {
      inside++;
      closed = alone;
    } else {
      await new Promise<void>((enter) => waiting.push({ alone, enter }));
    }
    try {
      return await run();
    } finally {
      inside--;
      closed = false;
      admit();
    }
  };
  return { shared: (run) => pass(false, run), alone: (run) => pass(true, run) };
};
