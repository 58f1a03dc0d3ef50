import { type Receive, type SubscribeOptions, type Subscription, sleep, textOf } from '@holdfast/core';
import {
  createAnnouncer,
  createBell,
  createIntake,
  type IntakeOptions,
  settledOrAborted,
  within,
} from '@holdfast/flow';
import { createAdoptedShare } from './adopted-share.ts';
import type { AmqpConnection } from './amqp.ts';
import { connectOnce, whereIs } from './connect.ts';
import { createDeliveryLimitWatch } from './delivery-limit.ts';
import { BrokerUnavailableError } from './errors.ts';
import { readHealth } from './health.ts';
import { createIntaking } from './intaking.ts';
import { createLink } from './link.ts';
import { lookAfter } from './look-after.ts';
import type { Adoption, Settings } from './options.ts';
import { type OwnedPartition, ownPartition } from './owned-partition.ts';
import { isLoss } from './persevere.ts';
import { createShare, type Own, type Share } from './share.ts';
import type { Topic } from './topics.ts';

export interface Subscribing {
  readonly name: string;
  readonly settings: Settings;
  readonly topics: readonly Topic[];
  readonly receive: Receive;
  readonly options: SubscribeOptions;
  readonly deadLetter: IntakeOptions['deadLetter'];
}

export interface QueueSubscription extends Subscription {
  /** Messages of the topic that it has been handed and has not settled. */
  unsettled(topic: string, group: string): number;
}

const defaultDeadlineMs = 10_000;
const idleLooks = 5;
const idleLookMs = 20;
const handedBack =
  'handed messages back in their order, before the broker would have taken them away for being unacked for too long';
/** A prefetch is a 16-bit number. */
const maxPrefetch = 65_535;

/** Joins a group that exists, over a connection of its own. Rejects if it cannot join. */
export const startSubscription = async (subscribing: Subscribing): Promise<QueueSubscription> => {
  const { name, settings, topics, options, deadLetter } = subscribing;
  const { runtime, balanceMs, drainMs, connectTimeoutMs, consumerTimeoutMs } = settings;
  const { clock, log } = runtime;
  const { group, maxInFlight = 1_000 } = options;
  const stop = new AbortController();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const bell = createBell(clock);
  const announcer = createAnnouncer(options, runtime);
  let shares: readonly Share[] = [];
  let failure: unknown;
  let turn = 0;
  let closing: Promise<void> | undefined;
  let joined = false;
  let endedBy: unknown;

  const intaking = createIntaking({
    ...{ receive: subscribing.receive, onUnreadable: options.onUnreadable, maxInFlight, runtime, name },
  });
  const { toRecord, receive } = intaking;
  const intake = createIntake({ ...options, maxInFlight, receive, deadLetter, runtime, name });
  const slots = topics.reduce((sum, topic) => sum + (topic.kind === 'own' ? topic.partitions : 1), 0);
  const prefetch = Math.min(maxPrefetch, Math.ceil(maxInFlight / slots));

  const owned = (): OwnedPartition[] => shares.flatMap((share) => share.owned);

  /** One message of each partition in turn, so that a busy one does not take all the room. */
  const takeIn = (): void => {
    const partitions = owned();
    const first = turn++;
    for (let more = partitions.length > 0 && intake.room() > 0; more; ) {
      more = false;
      for (let n = 0; n < partitions.length; n++) {
        if (partitions[(first + n) % partitions.length]?.takeIn()) more = true;
      }
    }
  };

  const watchLimit = (topic: string, { queue = '', deliveryLimit }: Adoption) =>
    createDeliveryLimitWatch({ topic, group, queue, deliveryLimit, runtime });

  const shareOf = (connection: AmqpConnection, topic: Topic): Share => {
    const adoption = topic.kind === 'own' ? undefined : topic.adoption;
    const watch = adoption && watchLimit(topic.name, adoption);
    const own: Own = (what, onLost) =>
      ownPartition({
        ...what,
        ...{ connection, prefetch, intake, announcer, clock, consumerTimeoutMs },
        mayStart: () => !stop.signal.aborted && intake.reasons.length === 0,
        onHandedBack: (assignment) => log.info({ ...assignment, group, consumerTimeoutMs }, handedBack),
        toRecord: (raw) => {
          watch?.(raw);
          return toRecord(topic.name, adoption?.read, raw);
        },
        onChange: takeIn,
        onLost: (...why) => {
          onLost(...why);
          takeIn();
          bell.ring();
        },
      });
    const common = { connection, group, runtime, own, lookMs: 4 * balanceMs };
    if (topic.kind === 'own') return createShare({ ...common, topic, drainMs, wake: bell.ring });
    const { queue = '', singleActiveConsumer = false } = topic.adoption;
    return createAdoptedShare({ ...common, topic: topic.name, queue, isSingleActive: singleActiveConsumer });
  };

  /** One connection's life. */
  const live = async (connection: AmqpConnection, lost: AbortSignal): Promise<void> => {
    shares = topics.map((topic) => shareOf(connection, topic));
    const mine = shares;
    const over = AbortSignal.any([lost, stop.signal]);
    await lookAfter({
      ...{ connection, shares, over, bell, balanceMs, runtime, onLooked },
      answerMs: connectTimeoutMs,
    });
    if (stop.signal.aborted) return;
    if (shares === mine) shares = [];
    for (const one of mine.flatMap((share) => share.owned)) one.lose(lost.reason);
  };

  const onLooked = (error: unknown): void => {
    if (error === undefined) firstLook.resolve();
    else if (!isLoss(error)) firstLook.reject(error);
    if (error !== undefined && textOf(error) !== textOf(failure)) {
      log.error({ group, error }, 'could not look after the partitions; tries again');
    }
    failure = error;
  };

  const firstLook = Promise.withResolvers<void>();
  firstLook.promise.catch(() => {});
  const link = createLink({
    ...{ purpose: `group ${group}`, where: whereIs(settings), runtime },
    ...{ connectTimeoutMs, connect: (signal) => connectOnce(settings, signal) },
    onOpen: (connection, lost) => {
      live(connection, lost).catch((error: unknown) => log.error({ group, error }, 'a subscription stopped by a bug'));
    },
    onShutOut: (error) => die(error),
  });

  /** It does not come right by waiting. Before it has joined, `open` says so. */
  const die = (error: unknown): void => {
    if (closing !== undefined || !joined) return;
    log.error(
      { group, topics: topics.map((topic) => topic.name), error },
      'the subscription has ended: it cannot go on',
    );
    endedBy = error;
    ended.reject(error);
    closing = close(defaultDeadlineMs);
  };

  /** Not while paused: nothing would start. Nor for what waits for a retry. */
  const workOff = async (partitions: readonly OwnedPartition[], limitMs: number): Promise<void> => {
    if (intake.reasons.length > 0) return;
    await within(clock, limitMs, (limit) =>
      Promise.race([Promise.all(partitions.map((one) => one.workOff(limit))), nothingRuns(limit)]),
    );
  };

  /** In some looks one after another: what can start has started by then. */
  const nothingRuns = async (limit: AbortSignal): Promise<void> => {
    for (let idle = 0; idle < idleLooks; idle = intaking.running === 0 ? idle + 1 : 0) {
      await sleep(clock, idleLookMs, limit);
    }
  };

  const close = async (deadlineMs: number): Promise<void> => {
    stop.abort();
    const partitions = owned();
    const startedAt = clock.monotonic();
    await workOff(partitions, deadlineMs * 0.6);
    const { abandoned } = await intake.close(Math.max(0, deadlineMs * 0.8 - (clock.monotonic() - startedAt)));
    // Nothing is left on the clock, which would keep the process alive.
    await within(clock, deadlineMs * 0.1, (limit) =>
      settledOrAborted(Promise.all(partitions.map((one) => one.finish(limit))), limit),
    );
    await link.close(deadlineMs * 0.1);
    shares = [];
    if (abandoned > 0) {
      log.warn(
        { group, abandoned, deadlineMs },
        'closed a subscription with deliveries running; their messages will be delivered again',
      );
    }
    ended.resolve();
  };

  try {
    await link.open(connectTimeoutMs);
    await within(clock, connectTimeoutMs, (limit) => settledOrAborted(firstLook.promise, limit));
    firstLook.reject(new BrokerUnavailableError(whereIs(settings), connectTimeoutMs, failure ?? link.failure));
    await firstLook.promise;
  } catch (error) {
    await close(1_000);
    throw error;
  }
  joined = true;
  return {
    pause: intake.pause,
    resume: (reason) => {
      intake.resume(reason);
      for (const one of owned()) one.resume();
      takeIn();
    },
    health: () => readHealth({ closed: closing !== undefined, endedBy, link, shares, failure, intake, clock }),
    get assignments() {
      return owned()
        .filter(({ phase }) => phase === 'active' || phase === 'leaving')
        .map(({ assignment }) => assignment);
    },
    closed: ended.promise,
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closing ??= close(deadlineMs);
      return closing;
    },
    unsettled: (topic, of) =>
      of === group ? owned().reduce((sum, one) => sum + (one.assignment.topic === topic ? one.unsettled : 0), 0) : 0,
  };
};
