import type { Runtime } from '@holdfast/core';
import { within } from '@holdfast/flow';
import { type AmqpChannel, type AmqpConnection, replyCodeOf, replyCodes } from './amqp.ts';
import { type OpenChannel, onChannel, openChannel } from './channel.ts';
import { QueueReplacedError } from './errors.ts';
import { createLifelines } from './lifelines.ts';
import { extraOf, lifelineOf, lockOf, membersQueueOf, queueOf } from './names.ts';
import type { OnLost, OwnedPartition, OwnedPartitionOptions } from './owned-partition.ts';
import { createSetbacks } from './setbacks.ts';
import { declareExchange, declareGroup, type OwnTopic } from './topics.ts';

/** What a subscription owns of one topic, over one connection. */
export interface Share {
  /** Looks who else is there, lets go of what is too much and takes what is free. */
  tick(): Promise<void>;
  readonly owned: readonly OwnedPartition[];
  /** Why it has not what it should have. */
  readonly missing: string | undefined;
}

/** Takes up a partition that is ours to take. */
export type Own = (
  what: Pick<OwnedPartitionOptions, 'queue' | 'lifeline' | 'isSingleActive' | 'assignment'>,
  onLost: OnLost,
) => OwnedPartition;

export interface ShareOptions {
  readonly connection: AmqpConnection;
  readonly topic: OwnTopic;
  readonly group: string;
  readonly drainMs: number;
  readonly runtime: Runtime;
  /** Between two questions whether a queue is still the one that is consumed. */
  readonly lookMs: number;
  readonly own: Own;
  /** Something has changed that the next look should not wait for. */
  readonly wake: () => void;
}

const exclusive = { exclusive: true, durable: false };

/**
 * Fair shares by locks. An exclusive queue, which ends with its connection, is the lock of each partition; who holds it
 * consumes. How many members there are is read from the consumers of a queue that each of them consumes. Each may own
 * what divides evenly; of what is left over each may own one more, for which there are as many further locks.
 */
export const createShare = (options: ShareOptions): Share => {
  const { connection, topic, group, drainMs, lookMs, runtime, own, wake } = options;
  const { clock, ids, log, random } = runtime;
  const owned = new Map<number, OwnedPartition>();
  const setbacks = createSetbacks(clock);
  const unlocking = new Map<string, Promise<void>>();
  const members = membersQueueOf(topic.name, group);
  let control: OpenChannel | undefined;
  let membership: OpenChannel | undefined;
  let extra: number | undefined;
  let target: number | undefined;

  const join = async (): Promise<void> => {
    await declareExchange(connection, topic);
    await declareGroup(connection, topic, group);
    void membership?.close();
    const mine = await openChannel(connection);
    membership = mine;
    // Nothing ever comes but word that the queue was deleted: being a consumer is all.
    await mine.channel.consume(members, () => void mine.close().then(wake));
  };

  const channel = async (): Promise<AmqpChannel> => {
    if (control === undefined || control.ended.aborted) control = await openChannel(connection);
    return control.channel;
  };

  /** True where the lock is ours now. Being refused costs the channel. */
  const lock = async (name: string): Promise<boolean> => {
    // It is still ours: it would be given to us, and then taken away.
    await unlocking.get(name);
    try {
      await (await channel()).assertQueue(name, exclusive);
      return true;
    } catch (error) {
      if (replyCodeOf(error) === replyCodes.locked) return false;
      throw error;
    }
  };

  /** On a channel of its own, so that nothing else can end it half-way; the connection's end does the same. */
  const unlock = (name: string): Promise<void> => {
    const unlocked = onChannel(connection, (at) => at.deleteQueue(name)).then(
      () => {},
      () => {},
    );
    unlocking.set(name, unlocked);
    return unlocked.then(() => {
      unlocking.delete(name);
      wake();
    });
  };

  const tick = async (): Promise<void> => {
    if (membership === undefined || membership.ended.aborted) await join();
    const count = Math.max(1, await countMembers());
    const even = Math.floor(topic.partitions / count);
    const leftOver = topic.partitions % count;
    if (extra !== undefined && extra >= leftOver) await dropExtra(extra);
    if (staying().length > even && extra === undefined) await takeExtra(leftOver);
    for (const one of staying().slice(even + (extra === undefined ? 0 : 1))) letGo(one);
    await lifelines.look(staying());
    if (staying().length < even + (leftOver > 0 ? 1 : 0)) await takeFree(even, leftOver);
    target = even;
  };

  const countMembers = async (): Promise<number> => {
    try {
      return (await (await channel()).checkQueue(members)).consumerCount;
    } catch (error) {
      if (replyCodeOf(error) !== replyCodes.notFound) throw error;
      await join();
      return 1;
    }
  };

  const lifelines = createLifelines({
    everyMs: lookMs,
    clock,
    exists: async (partition) => {
      try {
        await (await channel()).checkExchange(lifelineOf(topic.name, group, partition));
        return true;
      } catch (error) {
        if (replyCodeOf(error) === replyCodes.notFound) return false;
        throw error;
      }
    },
    onReplaced: (one) => {
      const error = new QueueReplacedError(queueOf(topic.name, group, one.assignment.partition));
      log.error({ ...one.assignment, group, error }, 'a queue was replaced beneath; its messages are lost');
      one.lose(error);
    },
  });

  const staying = (): OwnedPartition[] => [...owned.values()].filter(({ phase }) => phase !== 'leaving');

  const takeExtra = async (leftOver: number): Promise<void> => {
    for (let index = 0; index < leftOver && extra === undefined; index++) {
      if (await lock(extraOf(topic.name, group, index))) extra = index;
    }
  };

  const dropExtra = async (index: number): Promise<void> => {
    extra = undefined;
    await unlock(extraOf(topic.name, group, index));
  };

  const letGo = (one: OwnedPartition): void => {
    const { partition } = one.assignment;
    void within(clock, drainMs, (limit) => one.release(limit)).then(() => {
      if (owned.get(partition) === one) owned.delete(partition);
      return unlock(lockOf(topic.name, group, partition));
    });
  };

  /** Starts anywhere, so that members that look at the same time do not all try for the same ones. */
  const takeFree = async (even: number, leftOver: number): Promise<void> => {
    const start = Math.floor(random() * topic.partitions);
    for (let n = 0; n < topic.partitions; n++) {
      const partition = (start + n) % topic.partitions;
      if (owned.has(partition) || setbacks.rests(partition) || !(await isFree(partition))) continue;
      if (staying().length >= even && extra === undefined) await takeExtra(leftOver);
      if (staying().length >= even + (extra === undefined ? 0 : 1)) return;
      if (await lock(lockOf(topic.name, group, partition))) take(partition);
    }
  };

  /** A plain consumer that somebody moves over from counts too: it is left alone. */
  const isFree = async (partition: number): Promise<boolean> => {
    try {
      const { consumerCount } = await (await channel()).checkQueue(queueOf(topic.name, group, partition));
      return consumerCount === 0;
    } catch (error) {
      if (replyCodeOf(error) !== replyCodes.notFound) throw error;
      log.error({ topic: topic.name, group, partition }, 'a queue is gone; its messages are lost; declares it again');
      await declareExchange(connection, topic);
      await declareGroup(connection, topic, group);
      return true;
    }
  };

  const take = (partition: number): void => {
    const assignment = { topic: topic.name, partition, token: ids() };
    const queue = queueOf(topic.name, group, partition);
    const lifeline = lifelineOf(topic.name, group, partition);
    const one = own({ queue, lifeline, isSingleActive: true, assignment }, (reason, active) => {
      if (!active) setbacks.note(partition, reason);
      if (owned.get(partition) === one) owned.delete(partition);
      log.warn({ ...assignment, group, error: reason }, 'lost a partition; its messages are delivered again');
      void unlock(lockOf(topic.name, group, partition));
    });
    owned.set(partition, one);
  };

  return {
    tick,
    get owned() {
      return [...owned.values()];
    },
    get missing() {
      const active = staying().filter(({ phase }) => phase === 'active').length;
      if (target === undefined) return `has not looked yet who else reads topic '${topic.name}'`;
      if (active >= target && active >= staying().length) return undefined;
      const failed = setbacks.why(`cannot take up a partition of topic '${topic.name}'`);
      if (failed !== undefined) return failed;
      if (active < target) return `has ${active} of its ${target} partitions of topic '${topic.name}'`;
      return `takes up partitions of topic '${topic.name}'`;
    },
  };
};
