/**
 * A wrapper of any abortable operation; it knows no messages.
 * The operation is given a signal that aborts when the caller's does, or when the policy ends the attempt.
 */
export type Policy = <T>(operation: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) => Promise<T>;
