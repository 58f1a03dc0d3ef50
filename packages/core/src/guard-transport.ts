import { type PolicyLike, toPolicy } from './policy.ts';
import type { Transport } from './transport.ts';

/** Every publish through `transport` goes through `policy`. A retry publishes again under the same ids, which is safe. */
export const guardTransport = (transport: Transport, policy: PolicyLike): Transport => {
  const guard = toPolicy(policy);
  return {
    name: transport.name,
    capabilities: transport.capabilities,
    topology: transport.topology,
    publish: (topic, messages, options) =>
      guard(
        (signal) => transport.publish(topic, messages, { ...options, signal }),
        // One of its own each time: listeners on a shared one would meet, and never be collected if one were left.
        options?.signal ?? new AbortController().signal,
      ),
    subscribe: (topics, receive, options) => transport.subscribe(topics, receive, options),
    close: (options) => transport.close(options),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
};
