import type { Message, Receive, SubscribeOptions, Subscription } from '@holdfast/core';
import { createIntake } from '@holdfast/flow';
import type { Topic } from './broker.ts';
import { createDeadline } from './deadline.ts';
import { readHealth } from './health.ts';
import { createMembership } from './membership.ts';
import type { Settings } from './options.ts';
import { watchProgress } from './progress.ts';

export interface Subscribing {
  readonly name: string;
  readonly settings: Settings;
  readonly topics: readonly Topic[];
  readonly receive: Receive;
  readonly options: SubscribeOptions;
  readonly deadLetter: (message: Message, deadTopic: string) => Promise<void>;
}

const defaultDeadlineMs = 10_000;

/** Joins the group and reads its share of the partitions, until it is closed. */
export const startSubscription = (subscribing: Subscribing): Subscription => {
  const { name, settings, topics, options, deadLetter } = subscribing;
  const { runtime, drainMs } = settings;
  const { group } = options;
  const closing = new AbortController();
  const over = new AbortController();
  const ended = Promise.withResolvers<void>();
  let closed: Promise<void> | undefined;

  const claims = settings.broker.claimsOf(group);
  const progress = watchProgress(subscribing.receive, runtime.clock);
  const intake = createIntake({ ...options, receive: progress.receive, deadLetter, runtime, name });
  const member = createMembership({
    topics,
    options,
    intake,
    runtime,
    drainMs,
    closing: closing.signal,
    over: over.signal,
  });

  const close = async (deadlineMs: number): Promise<void> => {
    closing.abort();
    const deadline = createDeadline(runtime.clock, deadlineMs);
    deadline.signal.addEventListener('abort', () => over.abort(deadline.signal.reason), { once: true });
    const { abandoned } = await intake.close(deadlineMs);
    if (abandoned > 0) {
      runtime.log.warn(
        { group, abandoned, deadlineMs },
        'closed a subscription with deliveries running; their messages will be delivered again',
      );
    }
    await claims.leave(member);
    deadline.cancel();
    ended.resolve();
  };

  claims.join(member, topics);
  return {
    pause: intake.pause,
    resume: intake.resume,
    health: () =>
      readHealth({
        closed: closed !== undefined,
        settled: claims.isSettled(member),
        intake,
        progress,
      }),
    get assignments() {
      return member.assignments;
    },
    closed: ended.promise,
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closed ??= close(deadlineMs);
      return closed;
    },
  };
};
