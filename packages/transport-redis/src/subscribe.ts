import {
  type Receive,
  type Runtime,
  type Settlement,
  type SubscribeOptions,
  type Subscription,
  sleep,
} from '@holdfast/core';
import {
  createIntake,
  createSharedLeases,
  type IntakeOptions,
  isDeadTopic,
  refuseUnreadable,
  type SharedLeases,
} from '@holdfast/flow';
import { createAcker } from './acker.ts';
import type { RedisClient } from './client.ts';
import type { Connection } from './connection.ts';
import { createDoorbell } from './doorbell.ts';
import type { Groups } from './groups.ts';
import { readHealth } from './health.ts';
import type { Keys } from './keys.ts';
import { createLeaseStore } from './lease-store.ts';
import type { Settings } from './options.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { createPartitions } from './partitions.ts';
import { createReader } from './reader.ts';
import type { Signals } from './signals.ts';
import { takePartition } from './take-partition.ts';
import type { Topic } from './topic.ts';
import { deadTopicFor } from './topics.ts';

export interface Subscribing {
  readonly name: string;
  readonly client: RedisClient;
  readonly connection: Connection;
  readonly keys: Keys;
  readonly groups: Groups;
  readonly signals: Signals;
  readonly settings: Pick<Settings, 'leaseMs' | 'drainMs' | 'commandTimeoutMs'>;
  readonly topics: readonly Topic[];
  readonly receive: Receive;
  readonly options: SubscribeOptions;
  readonly deadLetter: IntakeOptions['deadLetter'];
  readonly runtime: Runtime;
}

export interface StreamSubscription extends Subscription {
  readonly owned: readonly OwnedPartition[];
}

const defaultDeadlineMs = 10_000;
const notNow: Promise<Settlement> = Promise.resolve({ outcome: 'retry', delayMs: 0, spent: false });

/** Joins a group that exists and reads its share of the partitions. Rejects if it cannot join. */
export const startSubscription = async (subscribing: Subscribing): Promise<StreamSubscription> => {
  const { name, client, connection, keys, groups, signals, settings, topics, options, runtime } = subscribing;
  const { leaseMs, drainMs, commandTimeoutMs } = settings;
  const { clock, log, meter } = runtime;
  const { group, maxInFlight = 1_000 } = options;
  const stop = new AbortController();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const drained = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;

  /** A message does not start once its lease is over, even if the event loop was stopped and no timer has fired yet. */
  const readable = refuseUnreadable({
    ...{ receive: subscribing.receive, onUnreadable: options.onUnreadable, runtime, name },
    buries: (topic) =>
      topics.some((one) => one.name === topic && (isDeadTopic(topic) || deadTopicFor(one) !== undefined)),
  });
  const receive: Receive = (delivery) => {
    const partition = partitions.find(delivery);
    if (partition?.lease.holds() !== true) {
      if (partition !== undefined) partitions.lose(partition.topic, partition.lease);
      return notNow;
    }
    const received = readable(delivery);
    received.then(reader.roomMade, reader.roomMade);
    return received;
  };
  const deadLetter: IntakeOptions['deadLetter'] = async (message, deadTopic) => {
    await subscribing.deadLetter(message, deadTopic);
    reader.roomMade();
  };

  /** Its messages are gone: somebody trimmed or deleted them, or Redis lost them. Nothing can be handed over. */
  const onLostBodies = (topic: string, partition: number, ids: readonly string[]): void => {
    meter.count('holdfast.redis.lost_bodies', ids.length, { topic, group });
    log.error(
      { topic, partition, group, lost: ids.length, ids: ids.slice(0, 10) },
      'messages that were not settled have been deleted from their stream; they are lost to this group',
    );
  };
  /** As above, but the group had not even been given them: nothing of it is pending. */
  const onMissed = ({ assignment }: OwnedPartition, count: number): void => {
    const { topic, partition } = assignment;
    meter.count('holdfast.redis.trimmed_unread', count, { topic, group });
    log.error(
      { topic, partition, group, lost: count },
      'messages were trimmed from their stream before the group was given them; they are lost to it. Look for whoever ' +
        'trims it (XTRIM, XADD with MAXLEN or MINID)',
    );
  };
  /** The lease says whether it is ours; if it is, only the fence was lost, and it is set again. */
  const onFenced = async (partition: OwnedPartition): Promise<void> => {
    // A read and an ack of it may both be refused.
    if (!partitions.owned.includes(partition)) return;
    const { topic, lease } = partition;
    partitions.lose(topic, lease);
    log.warn({ topic: topic.name, partition: lease.slot, group }, 'what this process did on a partition was refused');
    for (const one of leases) await one.beat().catch(() => {});
    while (lease.holds() && !stop.signal.aborted) {
      try {
        return await partitions.acquire(topic, lease);
      } catch (error) {
        log.error(
          { error, topic: topic.name, partition: lease.slot, group },
          'a partition could not be taken up again',
        );
        await sleep(clock, leaseMs / 3, stop.signal).catch(() => {});
      }
    }
  };
  /** Says whether the group was gone from its stream. */
  const heal = async (topic: Topic, partition: number): Promise<boolean> => {
    if (!(await groups.heal(topic, group, partition))) return false;
    meter.count('holdfast.redis.healed_groups', 1, { topic: topic.name, group });
    log.error(
      { topic: topic.name, partition, group },
      'the group was gone from its stream: it was deleted, or the server has lost data. It was made again and starts at ' +
        'the first message that is there; what was settled before may come again, what was deleted is lost',
    );
    return true;
  };
  const onNoGroup = async (partition: OwnedPartition): Promise<void> => {
    if (!(await heal(partition.topic, partition.lease.slot))) return;
    partition.cursor = '0-0';
    partition.replayFrom = undefined;
  };

  const intake = createIntake({ ...options, maxInFlight, receive, deadLetter, runtime, name });
  const acker = createAcker({ connection, group, runtime, onFenced: (partition) => void onFenced(partition) });
  const partitions = createPartitions({
    ...{ keys, acker, intake, subscribing: options, runtime, drained: drained.promise },
    take: (place) =>
      takePartition(
        {
          connection,
          group,
          heal,
          onLostBodies: (topic, partition, ids) => onLostBodies(topic.name, partition, ids),
        },
        place,
      ),
    onChange: () => reader.wake(),
  });
  const doorbell = client.isCluster
    ? undefined
    : createDoorbell({
        ...{ client, runtime, control: connection, timeoutMs: commandTimeoutMs },
        ring: (streams) => reader.wake(streams),
      });
  const reader = createReader({
    ...{ connection, group, intake, maxInFlight, doorbell, runtime, onNoGroup, signal: stop.signal },
    owned: () => partitions.owned,
    shares: () => leases.reduce((sum, one) => sum + one.held.length, 0),
    onFenced: (partition) => void onFenced(partition),
    onMissed,
    onLostBodies: (partition, ids) => {
      onLostBodies(partition.topic.name, partition.lease.slot, ids);
      acker.drop(partition, ids);
    },
  });
  const leases = topics.map((topic) => {
    const owner = runtime.ids();
    return createSharedLeases({
      ...{ owner, leaseMs, drainMs, runtime },
      store: createLeaseStore({ connection, keys, signals, topic, group, owner, leaseMs }),
      scope: `${topic.name}:${group}`,
      slots: topic.partitions,
      onAcquired: (lease) => partitions.acquire(topic, lease),
      onReleasing: (lease, signal) => partitions.release(topic, lease, signal),
      onLost: (lease) => partitions.lose(topic, lease),
    });
  });

  const close = async (deadlineMs: number): Promise<void> => {
    stop.abort();
    const draining = intake.close(deadlineMs * 0.8);
    const resolve = (): void => drained.resolve();
    draining.then(resolve, resolve);
    await Promise.all(leases.map((one) => one.close({ deadlineMs })));
    doorbell?.close();
    const { abandoned } = await draining;
    if (abandoned > 0) {
      log.warn(
        { group, abandoned, deadlineMs },
        'closed a subscription with deliveries running; their messages will be delivered again',
      );
    }
    ended.resolve();
  };
  const die = async (error: unknown): Promise<void> => {
    log.error(
      { group, topics: topics.map((topic) => topic.name), error },
      'the subscription has ended: it cannot go on',
    );
    ended.reject(error);
    closing ??= close(defaultDeadlineMs);
    await closing;
  };

  await startAll(leases).catch((error: unknown) => {
    doorbell?.close();
    throw error;
  });
  reader.run().catch(die);
  return {
    get owned() {
      return partitions.owned;
    },
    pause: (reason) => intake.pause(reason),
    resume: (reason) => {
      intake.resume(reason);
      reader.wake();
    },
    health: () =>
      readHealth({
        ...{ closed: closing !== undefined, leases, partitions: partitions.owned, intake, clock },
        failures: { read: reader.failure, ack: acker.failure },
      }),
    get assignments() {
      return partitions.owned.map(({ assignment }) => assignment);
    },
    closed: ended.promise,
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
};

const startAll = async (leases: readonly SharedLeases[]): Promise<void> => {
  try {
    await Promise.all(leases.map((one) => one.start()));
  } catch (error) {
    await Promise.all(leases.map((one) => one.close({ deadlineMs: 1_000 })));
    throw error;
  }
};
