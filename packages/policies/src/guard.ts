/** A run of an operation, as the guards around it see it. */
export interface Run {
  /** What the operation will be given; a guard may put its own in its place for what is inside of it. */
  signal: AbortSignal;
  /** Whether the operation declares that it takes the signal. */
  readonly takesSignal: boolean;
}

/** How an operation failed. */
export interface Failure {
  readonly error: unknown;
}

/**
 * What a policy does around one run, in two halves, so that policies listed side by side share one async frame.
 * `Pass` is what it remembers of a run in between.
 */
export interface Guard<Pass = unknown> {
  /** Lets a run in, now or when the promise resolves. To refuse it, it throws or rejects; then `leave` is not called. */
  enter(run: Run): Pass | Promise<Pass>;
  /**
   * The run has ended, with `failure`, or well. Returns how it ends for what is outside of this guard.
   * `signal` is the one from outside of it.
   */
  leave(pass: Pass, failure: Failure | undefined, signal: AbortSignal): Failure | undefined;
}
