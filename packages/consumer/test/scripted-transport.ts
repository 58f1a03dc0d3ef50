import type { Delivery, Message, Receive, Settlement, SubscribeOptions, Subscription, Transport } from '@holdfast/core';

/** A transport that delivers what the test hands it, and remembers what it was asked for. */
export interface ScriptedTransport extends Transport {
  deliver(delivery: Delivery): Promise<Settlement>;
  readonly subscribed: { readonly topics: readonly string[]; readonly options: SubscribeOptions } | undefined;
  readonly published: readonly { readonly topic: string; readonly message: Message }[];
  readonly paused: ReadonlySet<string>;
  /** Makes the next publishes fail. */
  failPublish(error: unknown): void;
  /** Ends the subscription as a broken broker would. */
  die(error: Error): void;
}

export const scriptedTransport = ({ maxHoldMs = 60_000, subscribing = Promise.resolve() } = {}): ScriptedTransport => {
  let receive: Receive | undefined;
  let subscribed: ScriptedTransport['subscribed'];
  let publishError: unknown;
  const published: { topic: string; message: Message }[] = [];
  const paused = new Set<string>();
  const closed = Promise.withResolvers<void>();

  const subscription: Subscription = {
    pause: (reason) => void paused.add(reason),
    resume: (reason) => void paused.delete(reason),
    health: () => ({ live: true, ready: true, reasons: [] }),
    assignments: [],
    closed: closed.promise,
    close: async () => closed.resolve(),
  };
  return {
    name: 'scripted',
    capabilities: {
      durable: false,
      replay: false,
      seek: false,
      failsSuffix: false,
      maxHoldMs,
      maxBodyBytes: 1_000,
      balances: false,
    },
    topology: {
      plan: async () => [],
      apply: async () => {},
      describe: async (topic) => ({ topic, partitions: 1, groups: [] }),
      seek: async () => {},
    },
    publish: async (topic, messages) => {
      if (publishError !== undefined) throw publishError;
      for (const message of messages) published.push({ topic, message });
    },
    subscribe: async (topics, receiving, options) => {
      await subscribing;
      receive = receiving;
      subscribed = { topics, options };
      return subscription;
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
    deliver: async (delivery) => {
      if (receive === undefined) throw new Error('nobody has subscribed');
      return receive(delivery);
    },
    get subscribed() {
      return subscribed;
    },
    published,
    paused,
    failPublish: (error) => {
      publishError = error;
    },
    die: (error) => closed.reject(error),
  };
};
