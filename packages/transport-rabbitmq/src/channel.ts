import { HoldfastError } from '@holdfast/core';
import { settledOrAborted } from '@holdfast/flow';
import type { AmqpChannel, AmqpConfirmChannel, AmqpConnection } from './amqp.ts';
import { ConnectionLostError } from './errors.ts';

/** A channel with its end. amqplib throws on the use of an ended one. */
export interface OpenChannel<C extends AmqpChannel = AmqpChannel> {
  readonly channel: C;
  /** Aborts when the channel has ended, with why. */
  readonly ended: AbortSignal;
  /** Hands back what is unacked, in its order. Idempotent; does not throw. */
  close(): Promise<void>;
}

/** The channel was closed by us. */
class ChannelClosedError extends HoldfastError {
  override readonly code = 'channel_closed';
}

export const openChannel = async (connection: AmqpConnection): Promise<OpenChannel> =>
  watch(await opened(connection.createChannel.bind(connection)));

export const openConfirmChannel = async (connection: AmqpConnection): Promise<OpenChannel<AmqpConfirmChannel>> =>
  watch(await opened(connection.createConfirmChannel.bind(connection)));

/** amqplib throws, or rejects with an error that says little, when the connection has gone meanwhile. */
const opened = async <C extends AmqpChannel>(create: () => Promise<C>): Promise<C> => {
  try {
    return await create();
  } catch (error) {
    throw new ConnectionLostError('opening a channel', error);
  }
};

const watch = <C extends AmqpChannel>(channel: C): OpenChannel<C> => {
  const ended = new AbortController();
  let reason: unknown;
  let closing: Promise<void> | undefined;
  channel.on('error', (error: unknown) => {
    reason = error;
  });
  channel.on('close', () => {
    ended.abort(reason ?? new ChannelClosedError('the channel was closed, or its connection was'));
  });
  const close = async (): Promise<void> => {
    if (ended.signal.aborted) return;
    try {
      await settledOrAborted(channel.close(), ended.signal);
    } catch {
      // It ended between the look and the call.
    }
  };
  return {
    channel,
    ended: ended.signal,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
};

/** Runs `work` on a channel of its own, which ends with it. For what the broker may answer by closing the channel. */
export const onChannel = async <T>(
  connection: AmqpConnection,
  work: (channel: AmqpChannel) => Promise<T>,
): Promise<T> => {
  const { channel, close } = await openChannel(connection);
  try {
    return await work(channel);
  } finally {
    await close();
  }
};
