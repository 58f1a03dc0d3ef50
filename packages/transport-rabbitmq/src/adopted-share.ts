import type { Assignment, Runtime } from '@holdfast/core';
import { within } from '@holdfast/flow';
import { type AmqpConnection, replyCodeOf, replyCodes } from './amqp.ts';
import { onChannel } from './channel.ts';
import { AdoptedMissingError } from './errors.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { createQuietQueue, type QuietQueue } from './quiet-queue.ts';
import { createSetbacks } from './setbacks.ts';
import type { Own, Share } from './share.ts';

export interface AdoptedShareOptions {
  readonly connection: AmqpConnection;
  readonly topic: string;
  readonly queue: string;
  readonly isSingleActive: boolean;
  readonly group: string;
  /** Between two questions whether the queue is still the one that is consumed, where the broker would not say. */
  readonly lookMs: number;
  readonly runtime: Runtime;
  readonly own: Own;
}

/** What is consumed, and the watch over it. */
interface Consuming {
  readonly one: OwnedPartition;
  readonly watch: QuietQueue;
}

/** How long a partition with nothing in hand may take to let go. */
const letGoMs = 1_000;

/** An adopted queue is one partition, which every subscription consumes: the broker, or its single active consumer, shares out. */
export const createAdoptedShare = (options: AdoptedShareOptions): Share => {
  const { connection, topic, queue, isSingleActive, group, lookMs, runtime, own } = options;
  const { clock, ids, log } = runtime;
  const setbacks = createSetbacks(clock);
  let consuming: Consuming | undefined;

  const count = async (): Promise<number> => {
    try {
      return (await onChannel(connection, (channel) => channel.checkQueue(queue))).messageCount;
    } catch (error) {
      if (replyCodeOf(error) !== replyCodes.notFound) throw error;
      throw new AdoptedMissingError(`queue '${queue}'`, topic);
    }
  };

  const take = (): void => {
    const assignment: Assignment = { topic, partition: 0, token: ids() };
    const one = own({ queue, lifeline: undefined, isSingleActive, assignment }, (reason, active) => {
      if (!active) setbacks.note(0, reason);
      log.warn({ ...assignment, group, queue, error: reason }, 'lost an adopted queue; consumes it again');
      forget(one);
    });
    consuming = { one, watch: createQuietQueue({ queue, everyMs: lookMs, isSingleActive, count, clock }) };
  };

  const forget = (one: OwnedPartition): void => {
    if (consuming?.one === one) consuming = undefined;
  };

  const look = async ({ one, watch }: Consuming): Promise<void> => {
    const reason = one.isTold ? undefined : await watch.look(one);
    if (reason === 'idle') {
      await within(clock, letGoMs, (limit) => one.release(limit));
      forget(one);
    } else if (reason !== undefined) {
      setbacks.note(0, reason);
      one.lose(reason);
    }
  };

  const tick = async (): Promise<void> => {
    if (consuming !== undefined) await look(consuming);
    if (consuming !== undefined || setbacks.rests(0)) return;
    await count();
    take();
  };

  return {
    tick,
    get owned() {
      return consuming === undefined ? [] : [consuming.one];
    },
    get missing() {
      if (consuming?.one.phase === 'active') return undefined;
      return setbacks.why(`cannot consume queue '${queue}'`) ?? `does not consume queue '${queue}' yet`;
    },
  };
};
