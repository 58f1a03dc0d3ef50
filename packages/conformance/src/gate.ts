/** Holds up whoever passes, until it opens. */
export interface Gate {
  /** Resolves when the gate opens. */
  pass(): Promise<void>;
  open(): void;
}

export const createGate = (): Gate => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { pass: () => promise, open: () => resolve() };
};
