import type { Assignment, Message, Receive, SubscribeOptions, Subscription } from '@holdfast/core';
import { createIntake } from '@holdfast/flow';
import { announcer } from './announce.ts';
import type { Topic } from './broker.ts';
import type { Claim, Member } from './claims.ts';
import { createDeadline, settledOrAborted } from './deadline.ts';
import { readHealth } from './health.ts';
import type { Settings } from './options.ts';
import { createPump } from './pump.ts';
import { createReader, type Reader } from './reader.ts';

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
  const { name, settings, topics, receive, options, deadLetter } = subscribing;
  const { runtime, drainMs } = settings;
  const { clock, log } = runtime;
  const { group, maxInFlight = 1_000 } = options;
  const claims = settings.broker.claimsOf(group);
  const intake = createIntake({ ...options, maxInFlight, receive, deadLetter, runtime, name });
  const held = new Map<Claim, Reader>();
  let readers: readonly Reader[] = [];
  const closing = new AbortController();
  /** Aborts at the deadline of `close`. */
  const over = new AbortController();
  const pump = createPump({ intake, readers: () => readers, signal: closing.signal });
  const announce = announcer(options, runtime);
  const ended = Promise.withResolvers<void>();
  let closed: Promise<void> | undefined;

  const take = async (claim: Claim): Promise<void> => {
    const assigned = await announce.assigned(assignmentOf(claim), closing.signal);
    if (!assigned || closing.signal.aborted) return;
    held.set(claim, createReader({ claim, group, intake, span: maxInFlight, onMoved: pump.wake }));
    readers = [...held.values()];
    claim.partition.onStored.add(pump.wake);
    pump.wake();
  };

  const give = async (claim: Claim): Promise<void> => {
    const reader = held.get(claim);
    held.delete(claim);
    readers = [...held.values()];
    if (!readers.some((other) => other.claim.partition === claim.partition)) claim.partition.onStored.delete(pump.wake);
    const drain = createDeadline(clock, drainMs);
    const signal = AbortSignal.any([drain.signal, over.signal]);
    if (reader !== undefined) await settledOrAborted(reader.taken.revoke(signal), over.signal);
    await announce.revoked(assignmentOf(claim), signal);
    drain.cancel();
  };

  const member: Member = { reads: (topic) => topics.some((one) => one.name === topic), take, give };

  const close = async (deadlineMs: number): Promise<void> => {
    closing.abort();
    const deadline = createDeadline(clock, deadlineMs);
    deadline.signal.addEventListener('abort', () => over.abort(deadline.signal.reason), { once: true });
    const { abandoned } = await intake.close(deadlineMs);
    if (abandoned > 0) {
      log.warn(
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
    pause: (reason) => intake.pause(reason),
    resume: (reason) => intake.resume(reason),
    health: () =>
      readHealth({
        closed: closed !== undefined,
        settled: claims.isSettled(member),
        backlog: readers.reduce((sum, reader) => sum + reader.backlog(), 0),
        intake,
        clock,
      }),
    get assignments() {
      return readers.map(({ claim }) => assignmentOf(claim));
    },
    closed: ended.promise,
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closed ??= close(deadlineMs);
      return closed;
    },
  };
};

const assignmentOf = ({ topic, partition, token }: Claim): Assignment => ({
  topic,
  partition: partition.number,
  token,
});
