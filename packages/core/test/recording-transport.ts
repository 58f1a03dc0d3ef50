import { type Message, type Transport, UnsupportedError } from '@holdfast/core';

interface Published {
  readonly topic: string;
  readonly messages: readonly Message[];
  readonly signal: AbortSignal | undefined;
}

const refuse = (what: string) => (): Promise<never> =>
  Promise.reject(new UnsupportedError('recording', what, 'it only records what is published'));

/** Keeps what is published; the first `failures` publishes reject with `error`. */
export const recordingTransport = (
  failing: { readonly failures?: number; readonly error?: unknown } = {},
): Transport & { readonly published: readonly Published[] } => {
  const published: Published[] = [];
  let failures = failing.failures ?? 0;
  return {
    name: 'recording',
    capabilities: {
      durable: false,
      replay: false,
      seek: false,
      failsSuffix: true,
      maxHoldMs: 0,
      maxBodyBytes: 1_000,
      balances: false,
    },
    topology: { plan: refuse('plan'), apply: refuse('apply'), describe: refuse('describe'), seek: refuse('seek') },
    published,
    publish: async (topic, messages, options) => {
      published.push({ topic, messages, signal: options?.signal });
      if (failures-- > 0) throw failing.error;
    },
    subscribe: refuse('subscribe'),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
};
