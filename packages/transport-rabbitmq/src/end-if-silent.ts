import type { Clock } from '@holdfast/core';
import { settledOrAborted, within } from '@holdfast/flow';
import type { AmqpConnection } from './amqp.ts';
import { onChannel } from './channel.ts';
import { destroyConnection } from './connect.ts';

export interface Questioned {
  readonly connection: AmqpConnection;
  /** How long an answer may take. */
  readonly answerMs: number;
  readonly clock: Clock;
}

/**
 * Resolves when `work` has settled. While it takes long the broker is asked for a sign of life, and a connection over which
 * none comes is ended: without heartbeats nothing else would find out that it is dead.
 */
export const endIfSilent = async (
  { connection, answerMs, clock }: Questioned,
  work: Promise<unknown>,
): Promise<void> => {
  for (;;) {
    if (await settlesWithin(clock, answerMs, work)) return;
    const sign = onChannel(connection, async () => {});
    if (await settlesWithin(clock, answerMs, Promise.race([sign, work]))) continue;
    destroyConnection(connection, new Error(`RabbitMQ has not answered for ${2 * answerMs} ms`));
    return;
  }
};

const settlesWithin = async (clock: Clock, limitMs: number, work: Promise<unknown>): Promise<boolean> => {
  let settled = false;
  const noted = work.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await within(clock, limitMs, (limit) => settledOrAborted(noted, limit));
  return settled;
};
