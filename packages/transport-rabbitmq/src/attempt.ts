import { type Clock, ClosedError } from '@holdfast/core';
import { settledOrAborted, within } from '@holdfast/flow';
import type { AmqpConnection } from './amqp.ts';
import { destroyConnection } from './connect.ts';

export interface AttemptOptions {
  readonly connect: (signal: AbortSignal) => Promise<AmqpConnection>;
  readonly limitMs: number;
  readonly stop: AbortSignal;
  readonly clock: Clock;
}

/** One attempt to connect. Rejects after `limitMs` and when `stop` aborts; a connection that comes later is let go. */
export const attempt = async ({ connect, limitMs, stop, clock }: AttemptOptions): Promise<AmqpConnection> => {
  const giveUp = new AbortController();
  let over = false;
  const connecting = connect(giveUp.signal).finally(() => {
    over = true;
  });
  await within(clock, limitMs, (limit) => settledOrAborted(connecting, AbortSignal.any([limit, stop])));
  if (over) return await connecting;
  giveUp.abort();
  connecting.then(letGo, () => {});
  if (stop.aborted) throw new ClosedError('the connection');
  throw new Error(`it was not open within ${limitMs} ms`);
};

const letGo = (connection: AmqpConnection): void => {
  connection.on('error', () => {});
  destroyConnection(connection, new ClosedError('the connection'));
};
