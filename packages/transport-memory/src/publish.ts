import { type Message, PublishError, type PublishOutcome } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import type { Topic } from './broker.ts';
import type { Settings } from './options.ts';
import { type FullPlace, makeRoom } from './overflow.ts';
import type { Partition } from './partition.ts';

/**
 * Stores messages in their topic. Rejects with a `PublishError`; messages of one partition are stored in the order of the
 * calls, and a message that fails fails those that were called behind it in its partition.
 */
export const storeMessages = async (
  settings: Settings,
  topic: Topic,
  messages: readonly Message[],
  waiting: () => AbortSignal,
): Promise<void> => {
  const outcomes: PublishOutcome[] = messages.map(() => ok);
  const shares = shareOut(topic, messages);
  await Promise.all(
    Array.from(shares, ([partition, places]) => storeInTurn({ settings, topic, partition, waiting }, places, outcomes)),
  );
  if (outcomes.some(({ outcome }) => outcome !== 'ok')) throw new PublishError(topic.name, outcomes);
};

interface Place {
  readonly index: number;
  readonly message: Message;
}

const ok: PublishOutcome = { outcome: 'ok' };
const failed = (error: unknown): PublishOutcome => ({ outcome: 'failed', error });

const shareOut = (topic: Topic, messages: readonly Message[]): Map<Partition, Place[]> => {
  const shares = new Map<Partition, Place[]>();
  for (const [index, message] of messages.entries()) {
    const partition = topic.partitions[partitionOf(message.key ?? message.id, topic.partitions.length)];
    if (partition === undefined) continue;
    const places = shares.get(partition) ?? [];
    shares.set(partition, places);
    places.push({ index, message: copyOf(message) });
  }
  return shares;
};

/** The publisher keeps its buffer and may use it again. */
const copyOf = (message: Message): Message =>
  Object.freeze({ ...message, headers: Object.freeze({ ...message.headers }), body: message.body.slice() });

const storeInTurn = async (store: FullPlace, places: readonly Place[], outcomes: PublishOutcome[]): Promise<void> => {
  let stored = 0;
  const work = async (): Promise<void> => {
    for (const { message } of places) {
      const waiting = storeOne(store, message);
      if (waiting !== undefined) await waiting;
      stored++;
    }
  };
  try {
    await store.partition.turns.take(store.waiting, work);
  } catch (error) {
    for (const { index } of places.slice(stored)) outcomes[index] = failed(error);
  }
};

/** At once, without a promise, where there is room. */
const storeOne = (store: FullPlace, message: Message): Promise<void> | undefined => {
  const { partition } = store;
  if (partition.isFull()) return storeInFull(store, message);
  partition.store(message);
  return undefined;
};

const storeInFull = async (store: FullPlace, message: Message): Promise<void> => {
  if ((await makeRoom(store, message)) === 'store') store.partition.store(message);
};
