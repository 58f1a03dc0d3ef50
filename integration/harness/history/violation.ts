/** The invariants that a history can break. */
export const invariants = {
  V1: 'no loss',
  V2: 'no duplicate effect',
  V3: 'no phantom',
  V4: 'order per key',
  V9: 'fencing',
} as const;

/** One broken invariant, with what broke it. */
export interface Violation {
  readonly invariant: keyof typeof invariants;
  /** The message, or the write. */
  readonly id: string;
  readonly key?: string;
  /** What was found, for people. */
  readonly found: string;
}
