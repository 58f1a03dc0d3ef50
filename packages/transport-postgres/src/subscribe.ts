import {
  isHoldfastError,
  type Receive,
  type Runtime,
  type Settlement,
  type SubscribeOptions,
  type Subscription,
} from '@holdfast/core';
import { createIntake, type IntakeOptions } from '@holdfast/flow';
import { checkSchema, createLeases, type Database, type Leases } from '@holdfast/postgres';
import { readHealth } from './health.ts';
import { isFatal } from './is-fatal.ts';
import { scopeOf } from './owned-partition.ts';
import { createPartitions } from './partitions.ts';
import { createReader } from './reader.ts';
import { postgresTransportSchema } from './schema.ts';
import type { Topic } from './topics.ts';

export interface Subscribing<Tx> {
  readonly name: string;
  readonly database: Database<Tx>;
  readonly leaseMs: number;
  readonly drainMs: number;
  readonly topics: readonly Topic[];
  readonly receive: Receive;
  readonly options: SubscribeOptions;
  readonly deadLetter: IntakeOptions['deadLetter'];
  readonly runtime: Runtime;
}

export interface LogSubscription extends Subscription {
  /** There may be something new in the log. */
  wake(): void;
}

const defaultDeadlineMs = 10_000;
const notNow: Promise<Settlement> = Promise.resolve({ outcome: 'retry', delayMs: 0, spent: false });

/** Joins a group that exists and reads its share of the partitions. Rejects if it cannot join. */
export const startSubscription = async <Tx>(subscribing: Subscribing<Tx>): Promise<LogSubscription> => {
  const { name, database, leaseMs, drainMs, topics, options, runtime } = subscribing;
  const { clock, log } = runtime;
  const { group, maxInFlight = 1_000 } = options;
  const stop = new AbortController();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const drained = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  let dying: Promise<void> | undefined;

  /** A message does not start once its lease is over, even if the event loop was stopped and no timer has fired yet. */
  const receive: Receive = (delivery) => {
    const partition = partitions.find(delivery);
    if (partition?.lease.holds() !== true) {
      if (partition !== undefined) partitions.lose(partition.topic, partition.lease);
      return notNow;
    }
    const received = subscribing.receive(delivery);
    received.then(reader.roomMade, reader.roomMade);
    return received;
  };
  const deadLetter: IntakeOptions['deadLetter'] = async (message, deadTopic) => {
    await subscribing.deadLetter(message, deadTopic);
    reader.roomMade();
  };

  const intake = createIntake({ ...options, maxInFlight, receive, deadLetter, runtime, name });
  const partitions = createPartitions({
    ...{ execute: database, intake, subscribing: options, runtime },
    onChange: () => reader.wake(),
    onFatal: (error) => void die(error),
    drained: drained.promise,
  });
  const reader = createReader({
    ...{ execute: database, intake, maxInFlight, clock, log, isFatal },
    owned: () => partitions.owned,
    shares: () => leases.reduce((sum, one) => sum + one.held.length, 0),
    signal: stop.signal,
    onRestarted: () => {
      log.warn({ group }, 'the server was started or replaced; the partitions go on from what it has stored');
      for (const one of leases) one.renounce('the server was started or replaced');
    },
  });
  const leases = topics.map((topic) =>
    createLeases({
      ...{ database, leaseMs, drainMs, runtime },
      scope: scopeOf(topic, group),
      slots: topic.partitions,
      onAcquired: (lease) => partitions.acquire(topic, lease),
      onReleasing: (lease, signal) => partitions.release(topic, lease, signal),
      onLost: (lease) => partitions.lose(topic, lease),
      onBeatFailed: (error) => {
        if (isFatal(error)) void die(error);
      },
    }),
  );

  const close = async (deadlineMs: number): Promise<void> => {
    stop.abort();
    const draining = intake.close(deadlineMs * 0.8);
    const resolve = (): void => drained.resolve();
    draining.then(resolve, resolve);
    await Promise.all(leases.map((one) => one.close({ deadlineMs })));
    const { abandoned } = await draining;
    if (abandoned > 0) {
      log.warn(
        { group, abandoned, deadlineMs },
        'closed a subscription with deliveries running; their messages will be delivered again',
      );
    }
    ended.resolve();
  };
  const die = (cause: unknown): Promise<void> => (dying ??= end(cause));
  const end = async (cause: unknown): Promise<void> => {
    const error = await whySchema(database, cause);
    log.error(
      { group, topics: topics.map((topic) => topic.name), error },
      'the subscription has ended: it cannot go on',
    );
    ended.reject(error);
    closing ??= close(defaultDeadlineMs);
    await closing;
  };

  await startAll(leases);
  reader.run().catch(die);
  return {
    wake: reader.wake,
    pause: (reason) => intake.pause(reason),
    resume: (reason) => {
      intake.resume(reason);
      reader.wake();
    },
    health: () => readHealth({ closed: closing !== undefined, leases, partitions, reader, intake, clock }),
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

/** What is wrong with the tables, if that is it. */
const whySchema = async <Tx>(database: Database<Tx>, error: unknown): Promise<unknown> => {
  try {
    await checkSchema(database, [postgresTransportSchema]);
    return error;
  } catch (found) {
    return isHoldfastError(found) ? found : error;
  }
};

const startAll = async (leases: readonly Leases[]): Promise<void> => {
  try {
    await Promise.all(leases.map((one) => one.start()));
  } catch (error) {
    await Promise.all(leases.map((one) => one.close({ deadlineMs: 1_000 })));
    throw error;
  }
};
