import type { Contract, InputOf } from './contract.ts';
import { encodeMessage, type SendOptions } from './encode-message.ts';
import type { Message } from './message.ts';
import { createRuntime, type Runtime } from './runtime.ts';
import type { Transport } from './transport.ts';

export interface PublishOptions extends SendOptions {
  /** Default: the contract's topic. */
  readonly topic?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Publishes straight to a transport, without an outbox: at least once, if the caller tries again after a `PublishError`. */
export interface Publisher {
  /** Resolves with the message when the broker has stored it. */
  publish<C extends Contract>(contract: C, payload: InputOf<C>, options?: PublishOptions): Promise<Message>;
  /** As one publish: one `PublishError` with an outcome per payload. */
  publishMany<C extends Contract>(
    contract: C,
    payloads: readonly InputOf<C>[],
    options?: Omit<PublishOptions, 'id'>,
  ): Promise<readonly Message[]>;
}

export const createPublisher = (
  transport: Transport,
  options: { readonly runtime?: Partial<Runtime> } = {},
): Publisher => {
  const runtime = createRuntime(options.runtime);
  const send = async (contract: Contract, messages: readonly Message[], sending: PublishOptions): Promise<void> =>
    runtime.trace(
      {
        name: 'publish',
        attributes: { type: contract.type, topic: sending.topic ?? contract.topic, messages: messages.length },
      },
      () => transport.publish(sending.topic ?? contract.topic, messages, { signal: sending.signal }),
    );
  return {
    publish: async (contract, payload, sending = {}) => {
      const message = await encodeMessage(contract, payload, sending, runtime);
      await send(contract, [message], sending);
      return message;
    },
    publishMany: async (contract, payloads, sending = {}) => {
      const messages = await Promise.all(payloads.map((payload) => encodeMessage(contract, payload, sending, runtime)));
      await send(contract, messages, sending);
      return messages;
    },
  };
};
