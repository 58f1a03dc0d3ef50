import type { Receive, Settlement, SubscribeOptions, Subscription } from '@holdfast/core';
import {
  createAnnouncer,
  createIntake,
  createPositionKeeper,
  type IntakeOptions,
  refuseUnreadable,
  settledOrAborted,
  within,
} from '@holdfast/flow';
import { createClaims } from './claims.ts';
import type { PlaceOffset } from './driver.ts';
import { TopicRemadeError } from './errors.ts';
import { createFetcher } from './fetcher.ts';
import { readHealth } from './health.ts';
import { createMember } from './member.ts';
import { createMissingTopics } from './missing-topics.ts';
import type { Settings } from './options.ts';
import { type OwnedPartition, placeOf } from './owned-partition.ts';
import { createPositionReader } from './position-reader.ts';
import type { Topic, Topics } from './topics.ts';
import { watchPartitions } from './watch-partitions.ts';

export interface Subscribing {
  readonly name: string;
  readonly settings: Settings;
  readonly topics: Topics;
  /** What is subscribed to. */
  readonly targets: readonly Topic[];
  /** Where the group starts where it has no position, by name of the topic and partition. */
  readonly starts: ReadonlyMap<string, readonly (bigint | undefined)[]>;
  readonly receive: Receive;
  readonly options: SubscribeOptions;
  readonly deadLetter: IntakeOptions['deadLetter'];
}

const defaultDeadlineMs = 10_000;
/** Somebody else may be slow to join; the subscription goes on without being waited for. */
const joinPatienceMs = 5_000;
const leaveMs = 2_000;
const notNow: Promise<Settlement> = Promise.resolve({ outcome: 'retry', delayMs: 0, spent: false });

/** Joins a group that has its positions, and reads its share of the partitions. Rejects if it cannot join. */
export const startSubscription = async (subscribing: Subscribing): Promise<Subscription> => {
  const { name, settings, topics, targets, options } = subscribing;
  const { driver, runtime, requestTimeoutMs } = settings;
  const { clock, log } = runtime;
  const { group, maxInFlight = 1_000 } = options;
  const link = driver.link();
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {});
  const drained = Promise.withResolvers<void>();
  const over = new AbortController();
  let closing: Promise<void> | undefined;

  /** Settlements come in bursts; what they make room for is looked at once, when they have been taken in. */
  let looking = false;
  const roomMade = (): void => {
    if (looking) return;
    looking = true;
    setImmediate(() => {
      looking = false;
      fetcher.wake();
    });
  };
  const { onUnreadable } = options;
  const readable = refuseUnreadable({ receive: subscribing.receive, onUnreadable, runtime, name });
  /** A message does not start once the group may have given its partition away, even if no timer could fire. */
  const receive: Receive = (delivery) => {
    if (!member.holds() || claims.find(delivery) === undefined) return notNow;
    const received = readable(delivery);
    received.then(roomMade, roomMade);
    return received;
  };
  const deadLetter: IntakeOptions['deadLetter'] = async (message, deadTopic) => {
    await subscribing.deadLetter(message, deadTopic);
    roomMade();
  };

  const commit = async (offsets: readonly PlaceOffset[]): Promise<void> => {
    const { as } = member;
    try {
      await link.groups.commit(as, offsets);
    } catch (error) {
      member.refused(error, as);
      throw error;
    }
  };

  const intake = createIntake({ ...options, maxInFlight, receive, deadLetter, runtime, name });
  const starts = new Map(subscribing.starts);
  const keeper = createPositionKeeper<bigint, OwnedPartition>({
    ...{ group, runtime },
    store: (moved) => commit(moved.map((one) => ({ ...placeOf(one), offset: one.settledTo }))),
    mayStore: ({ phase, topic }) => phase !== 'over' && !missing.has(topic.name),
  });
  const claims = createClaims({
    ...{ topics: targets, group, intake, keeper, runtime, closing: over.signal, drained: drained.promise },
    announcer: createAnnouncer(options, runtime),
    positionOf: createPositionReader({ link, group, settings, commit, starts }),
    drainMs: settings.drainMs,
    onChange: () => fetcher.wake(),
    onLetGo: () => member.rejoin(),
  });
  const member = createMember({
    ...{ driver, link, group, claims, runtime, requestTimeoutMs },
    topics: targets.map(({ wireName }) => wireName),
    partitionsOf: async (names) => {
      const leaders = await link.topics.leaders(names);
      return new Map([...leaders].map(([topic, partitions]) => [topic, partitions.length]));
    },
    sessionTimeoutMs: settings.sessionTimeoutMs,
    heartbeatMs: settings.heartbeatMs,
    drainMs: settings.drainMs,
  });
  const missing = createMissingTopics({
    ...{ topics, group, runtime, signal: over.signal },
    onBack: async (topic) => {
      const owned = claims.owned.filter(({ topic: { name } }) => name === topic.name);
      const positions = await link.groups.committed(group, owned.map(placeOf));
      // With a topic its brokers delete the positions in it.
      if (positions.includes(undefined)) {
        const error = new TopicRemadeError(topic.name);
        log.warn(
          { error, group, topic: topic.name },
          'a topic has other messages than before; its group begins anew in it',
        );
        starts.delete(topic.name);
        claims.loseAll(error, topic.name);
      } else for (const claim of owned) keeper.mark(claim);
      roomMade();
      const isAsBefore = owned.some((claim) => claim.phase !== 'over' && claim.topic.partitions === topic.partitions);
      if (!isAsBefore) member.rejoin();
    },
  });
  const fetcher = createFetcher({
    ...{ driver, link, topics, missing, intake, maxInFlight, group, runtime, requestTimeoutMs },
    owned: () => claims.owned,
    waitMs: settings.fetchWaitMs,
    partitionBytes: settings.fetchBytes,
    readOf: (topic) => topics.adopted(topic)?.read,
    onMoved: keeper.mark,
  });

  const close = async (deadlineMs: number): Promise<void> => {
    over.abort();
    fetcher.stop();
    const draining = intake.close(deadlineMs * 0.8);
    const resolve = (): void => drained.resolve();
    draining.then(resolve, resolve);
    const handBack = async (): Promise<void> => {
      await within(clock, deadlineMs * 0.8, (limit) => claims.drainAll(limit));
      const { abandoned } = await draining;
      if (abandoned > 0) {
        log.warn(
          { group, abandoned, deadlineMs },
          'closed a subscription with deliveries running; their messages will be delivered again',
        );
      }
      await member.leave(leaveMs);
      link.close();
    };
    await within(clock, deadlineMs, (limit) => settledOrAborted(handBack(), limit));
    claims.loseAll(new Error('the subscription is closed'));
    ended.resolve();
  };
  const die = async (error: unknown): Promise<void> => {
    if (closing !== undefined) return;
    log.error(
      { group, topics: targets.map((topic) => topic.name), error },
      'the subscription has ended: it cannot go on',
    );
    ended.reject(error);
    closing = close(defaultDeadlineMs);
    await closing;
  };

  const grown = ({ name: topic, partitions }: Topic): void => {
    log.info({ group, topic, partitions }, 'a topic has another number of partitions; the group shares them out');
    member.rejoin();
  };

  const running = member.run();
  running.catch(die);
  await within(clock, joinPatienceMs, (limit) => settledOrAborted(Promise.race([member.joined, running]), limit));
  if (closing !== undefined) await ended.promise;
  void watchPartitions({ topics, targets, everyMs: settings.topicRefreshMs, onChange: grown, runtime }, over.signal);
  return {
    pause: (reason) => intake.pause(reason),
    resume: (reason) => {
      intake.resume(reason);
      fetcher.wake();
    },
    health: () =>
      readHealth({
        ...{ closed: closing !== undefined, gone: missing.gone, member, fetcher, keeper },
        ...{ partitions: claims.owned, intake, clock },
      }),
    get assignments() {
      return claims.owned.filter(({ phase }) => phase !== 'starting').map(({ assignment }) => assignment);
    },
    closed: ended.promise,
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
};
