import type { Delivery, Log, Receive, Settlement } from '@holdfast/core';
import type { StoredDelivery, StoredPlace, StoredRetries } from '@holdfast/inbox';

/** Takes what the inbox relay hands over, also what is not to be handled any more. */
export type ReceiveStored = (delivery: StoredDelivery) => ReturnType<Receive>;

export interface StoredAttemptsOptions {
  readonly retries: StoredRetries;
  /** What waits longer is kept. */
  readonly holdMs: number;
  readonly receive: ReceiveStored;
  readonly log: Log;
  readonly group: string;
}

/** What is known of the messages of a claim on a shard. */
interface Shard {
  /** Of how many messages something was kept when the claim began and has not been asked for yet. */
  unasked: number;
  /** By their places, the attempts that earlier owners have spent on messages, and those of which something is kept now. */
  readonly earlier: Map<string, number>;
  readonly kept: Set<string>;
}

/**
 * Counts the attempts of stored messages over their whole lives, and lets none run before it is due, whoever owns their
 * shard: what waits longer than `holdMs` is written down before it waits. Where nothing was, messages cost no statement.
 */
export const countStoredAttempts = ({ retries, holdMs, receive, log, group }: StoredAttemptsOptions): ReceiveStored => {
  const shards = new WeakMap<AbortSignal, Promise<Shard>>();

  const shardOf = ({ partition, signal }: Delivery): Promise<Shard> => {
    const known = shards.get(signal);
    if (known !== undefined) return known;
    const opening = retries
      .count(partition)
      .then((unasked) => ({ unasked, earlier: new Map(), kept: new Set<string>() }));
    shards.set(signal, opening);
    opening.catch(() => shards.delete(signal));
    return opening;
  };

  /** What the message has to wait for still; undefined: nothing. */
  const recall = async (shard: Shard, { partition, position, attempt }: Delivery): Promise<number | undefined> => {
    if (shard.unasked === 0 || attempt > 1 || shard.earlier.has(position)) return undefined;
    const found = await retries.find({ shard: partition, seq: position });
    if (found === undefined) return undefined;
    shard.unasked--;
    shard.earlier.set(position, found.attempts);
    shard.kept.add(position);
    return found.waitMs > 0 ? found.waitMs : undefined;
  };

  const note = async (
    shard: Shard,
    { partition, position, attempt }: Delivery,
    settlement: Settlement,
  ): Promise<void> => {
    const place: StoredPlace = { shard: partition, seq: position };
    if (settlement.outcome !== 'retry') {
      shard.earlier.delete(position);
      if (shard.kept.delete(position)) await retries.forget(place);
    } else if (settlement.spent && settlement.delayMs > holdMs) {
      shard.kept.add(position);
      await retries.keep(place, { attempts: attempt, waitMs: settlement.delayMs });
    }
  };

  return async (delivery) => {
    let shard: Shard;
    try {
      shard = await shardOf(delivery);
      const waitMs = await recall(shard, delivery);
      if (waitMs !== undefined) return { outcome: 'retry', delayMs: waitMs, spent: false };
    } catch (error) {
      log.info(
        { error, id: delivery.message.id, group },
        'what a stored message has behind it could not be read; it waits',
      );
      return later;
    }
    const spent = shard.earlier.get(delivery.position);
    const counted = spent === undefined ? delivery : { ...delivery, attempt: delivery.attempt + spent };
    const settlement = await receive(counted);
    await note(shard, counted, settlement).catch((error: unknown) => {
      log.warn({ error, id: delivery.message.id, group }, 'the attempts of a stored message could not be written down');
    });
    return settlement;
  };
};

const later: Settlement = { outcome: 'retry', delayMs: 1_000, spent: false };
