import type { Receive, Settlement, SubscribeOptions, Subscription, Transport } from '@holdfast/core';

export const receiving = (transport: Transport, wrap: (receive: Receive) => Receive): Pick<Transport, 'subscribe'> => ({
  subscribe: (topics, receive, options) => transport.subscribe(topics, wrap(receive), options),
});

export const settling = (
  transport: Transport,
  change: (settlement: Settlement) => Settlement,
): Pick<Transport, 'subscribe'> =>
  receiving(transport, (receive) => async (delivery) => change(await receive(delivery)));

export const withOptions = (transport: Transport, change: Partial<SubscribeOptions>): Pick<Transport, 'subscribe'> => ({
  subscribe: (topics, receive, options) => transport.subscribe(topics, receive, { ...options, ...change }),
});

export const withSubscription = (
  transport: Transport,
  change: (subscription: Subscription, topics: readonly string[], options: SubscribeOptions) => Partial<Subscription>,
): Pick<Transport, 'subscribe'> => ({
  subscribe: async (topics, receive, options) => {
    const subscription = await transport.subscribe(topics, receive, options);
    // By its descriptors, because `assignments` is read anew at each access.
    const copy: Subscription = Object.create(null, Object.getOwnPropertyDescriptors(subscription));
    return Object.assign(copy, change(subscription, topics, options));
  },
});
