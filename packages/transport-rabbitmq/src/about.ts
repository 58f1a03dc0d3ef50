import { type Runtime, sleep } from '@holdfast/core';
import { settledOrAborted, within } from '@holdfast/flow';
import {
  type AmqpChannel,
  type AmqpConfirmChannel,
  type AmqpConnection,
  type AmqpMessage,
  replyCodeOf,
  replyCodes,
} from './amqp.ts';
import { type OpenChannel, openConfirmChannel } from './channel.ts';
import { ConnectionLostError, TopicBusyError } from './errors.ts';
import { aboutQueueOf } from './names.ts';

/** What is stored about a topic. Grows only: the partitions are fixed, groups are added. */
export interface About {
  readonly partitions: number;
  readonly groups: readonly string[];
}

/**
 * AMQP can neither list queues nor say with which arguments one was declared. So each topic has a small queue that holds
 * what is known about it, as a message that whoever reads it takes and hands back. Several such messages, left by a crash
 * or written at once, mean all of what they say together.
 */
export interface AboutTopics {
  /** Undefined where there is no such topic. Throws `topic_busy` where nothing is stored, or others hold it. */
  read(connection: AmqpConnection, topic: string): Promise<About | undefined>;
  /** Adds what is missing. The queue exists. */
  add(connection: AmqpConnection, topic: string, about: About): Promise<void>;
}

/** How long another process may hold what is stored, or take to write it for the first time. */
const patienceMs = 5_000;
/**
 * A quorum queue keeps in its log all that happened to it since its oldest message came, each reading included: after so
 * many what is stored is written anew.
 */
const maxReadings = 100;
const renewalMs = 1_000;

export const createAboutTopics = ({ clock, random }: Pick<Runtime, 'clock' | 'random'>): AboutTopics => {
  /** Takes all there is, with patience where others hold it; empty after that. Throws 404 where there is no queue. */
  const take = async (channel: AmqpChannel, queue: string, waitMs: number): Promise<readonly AmqpMessage[]> => {
    for (const startedAt = clock.monotonic(); ; ) {
      const taken: AmqpMessage[] = [];
      for (;;) {
        const message = await channel.get(queue);
        if (message === false) break;
        taken.push(message);
      }
      if (taken.length > 0 || clock.monotonic() - startedAt > waitMs) return taken;
      await sleep(clock, 1 + random() * 15);
    }
  };

  const read = async (connection: AmqpConnection, topic: string): Promise<About | undefined> => {
    const queue = aboutQueueOf(topic);
    const open = await openConfirmChannel(connection);
    try {
      const taken = await take(open.channel, queue, patienceMs);
      const about = merge(taken);
      if (about === undefined) throw new TopicBusyError(topic, queue);
      if (taken.some(isWorn)) {
        // Not now if the broker takes no messages.
        await within(clock, renewalMs, (limit) => settledOrAborted(replace(open, queue, taken, about), limit));
      }
      return about;
    } catch (error) {
      if (replyCodeOf(error) === replyCodes.notFound) return undefined;
      throw error;
    } finally {
      // Hands back what was taken.
      await open.close();
    }
  };

  const add = async (connection: AmqpConnection, topic: string, about: About): Promise<void> => {
    const queue = aboutQueueOf(topic);
    const open = await openConfirmChannel(connection);
    try {
      // Writing is right whatever others hold, so there is no need to wait for them.
      const taken = await take(open.channel, queue, 0);
      const stored = merge(taken);
      const wanted = { ...about, groups: [...new Set([...(stored?.groups ?? []), ...about.groups])] };
      if (taken.length === 1 && stored?.groups.length === wanted.groups.length) return;
      await replace(open, queue, taken, wanted);
    } finally {
      await open.close();
    }
  };

  return { read, add };
};

const merge = (messages: readonly AmqpMessage[]): About | undefined => {
  let merged: About | undefined;
  for (const { content } of messages) {
    const { partitions, groups } = JSON.parse(content.toString()) as About;
    merged = { partitions, groups: [...new Set([...(merged?.groups ?? []), ...groups])] };
  }
  return merged;
};

const isWorn = ({ properties }: AmqpMessage): boolean =>
  Number(properties.headers?.['x-delivery-count']) >= maxReadings;

/** Resolves when the broker has stored it, and what was taken has been acked. */
const replace = async (
  { channel, ended }: OpenChannel<AmqpConfirmChannel>,
  queue: string,
  taken: readonly AmqpMessage[],
  about: About,
): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let stored = false;
  channel.on('ack', () => {
    stored = true;
    resolve();
  });
  channel.on('nack', () => resolve());
  channel.publish('', queue, Buffer.from(JSON.stringify(about)), {
    ...{ mandatory: true, persistent: true, contentType: 'application/json', type: 'holdfast.topic', headers: {} },
  });
  await settledOrAborted(promise, ended);
  if (!stored) throw new ConnectionLostError(`storing what is known about a topic in queue '${queue}'`, ended.reason);
  for (const message of taken) channel.ack(message);
};
