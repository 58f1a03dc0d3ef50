import type { Assignment, Runtime } from '@holdfast/core';
import { type AmqpConnection, replyCodeOf, replyCodes } from './amqp.ts';
import { onChannel } from './channel.ts';
import { AdoptedMissingError } from './errors.ts';
import type { OnLost, OwnedPartition } from './owned-partition.ts';
import { createSetbacks } from './setbacks.ts';
import type { Share } from './share.ts';

export interface AdoptedShareOptions {
  readonly connection: AmqpConnection;
  readonly topic: string;
  readonly queue: string;
  readonly group: string;
  readonly runtime: Runtime;
  readonly own: (queue: string, assignment: Assignment, onLost: OnLost) => OwnedPartition;
}

/** An adopted queue is one partition, which every subscription consumes: the broker, or its single active consumer, shares out. */
export const createAdoptedShare = (options: AdoptedShareOptions): Share => {
  const { connection, topic, queue, group, runtime, own } = options;
  const setbacks = createSetbacks(runtime.clock);
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
    if (owned !== undefined || setbacks.rests(0)) return;
    await join();
    const assignment = { topic, partition: 0, token: runtime.ids() };
    const one = own(queue, assignment, (reason, active) => {
      if (!active) setbacks.note(0, reason);
      runtime.log.warn({ ...assignment, group, queue, error: reason }, 'lost an adopted queue; consumes it again');
      if (owned === one) owned = undefined;
    });
    owned = one;
  };

  return {
    tick,
    get owned() {
      return owned === undefined ? [] : [owned];
    },
    get missing() {
      if (owned?.phase === 'active') return undefined;
      return setbacks.why(`cannot consume queue '${queue}'`) ?? `does not consume queue '${queue}' yet`;
    },
  };
};
