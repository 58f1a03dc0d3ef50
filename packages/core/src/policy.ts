/**
 * A wrapper of any abortable operation; it knows no messages.
 * The operation is given a signal that aborts when the caller's does, or when the policy ends the attempt.
 */
export type Policy = <T>(operation: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) => Promise<T>;

/** The shape of a policy of cockatiel. */
export interface PolicyObject {
  execute<T>(operation: (context: { readonly signal: AbortSignal }) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** What is taken wherever a policy is: one of ours, or one of cockatiel (except a fallback, which changes the result). */
export type PolicyLike = Policy | PolicyObject;

export const toPolicy = (policy: PolicyLike): Policy =>
  typeof policy === 'function'
    ? policy
    : (operation, signal) => policy.execute((context) => operation(context.signal), signal);
