import type { Assignment, Runtime } from '@holdfast/core';
import { type AmqpConnection, replyCodeOf, replyCodes } from './amqp.ts';
import { onChannel } from './channel.ts';
import { AdoptedMissingError } from './errors.ts';
import type { OwnedPartition } from './owned-partition.ts';
import type { Share } from './share.ts';

export interface AdoptedShareOptions {
  readonly connection: AmqpConnection;
  readonly topic: string;
  readonly queue: string;
  readonly group: string;
  readonly runtime: Runtime;
  readonly own: (queue: string, assignment: Assignment, onLost: (reason: unknown) => void) => OwnedPartition;
  readonly wake: () => void;
}

/** An adopted queue is one partition, which every subscription consumes: the broker, or its single active consumer, shares out. */
export const createAdoptedShare = (options: AdoptedShareOptions): Share => {
  const { connection, topic, queue, group, runtime, own } = options;
  let owned: OwnedPartition | undefined;

  const join = async (): Promise<void> => {
    try {
      await onChannel(connection, (channel) => channel.checkQueue(queue));
    } catch (error) {
      if (replyCodeOf(error) !== replyCodes.notFound) throw error;
      throw new AdoptedMissingError(`queue '${queue}'`, topic);
    }
  };

  const tick = async (): Promise<void> => {
    if (owned !== undefined) return;
    await join();
    const assignment = { topic, partition: 0, token: runtime.ids() };
    const one = own(queue, assignment, (reason) => {
      runtime.log.warn({ ...assignment, group, queue, error: reason }, 'lost an adopted queue; consumes it again');
      if (owned === one) owned = undefined;
    });
    owned = one;
  };

  return {
    join,
    tick,
    get owned() {
      return owned === undefined ? [] : [owned];
    },
    get missing() {
      return owned?.phase === 'active' ? undefined : `does not consume queue '${queue}' yet`;
    },
  };
};
