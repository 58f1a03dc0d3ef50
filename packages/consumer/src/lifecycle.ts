import {
  type Clock,
  ClosedError,
  type CloseOptions,
  InvalidOptionError,
  type Receive,
  type Subscription,
} from '@holdfast/core';
import { inboxSchema } from '@holdfast/inbox';
import { checkSchema } from '@holdfast/postgres';
import type { Settings } from './consumer-options.ts';
import { type ConsumerHealth, readHealth } from './health.ts';
import { checkDelays } from './retry-verdict.ts';
import type { Routes } from './routes.ts';
import type { Tally } from './stats.ts';
import type { TimeLimits } from './time-limits.ts';

export interface LifecycleOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly routes: Routes;
  readonly tally: Tally;
  readonly limits: TimeLimits;
  readonly receive: Receive;
}

/** The consumer's subscription, from before it is there until after it has gone. */
export interface Lifecycle {
  requireNotStarted(option: string): void;
  start(): Promise<void>;
  pause(reason: string): void;
  resume(reason: string): void;
  health(): ConsumerHealth;
  close(options?: CloseOptions): Promise<{ readonly abandoned: number }>;
}

const defaultConcurrency = 16;
const defaultDeadlineMs = 10_000;

export const createLifecycle = <Tx>({ settings, routes, tally, limits, receive }: LifecycleOptions<Tx>): Lifecycle => {
  const { transport, database, group, from, maxInFlight, ordering, holdMs } = settings;
  const { clock, log } = settings.runtime;
  const reasons = new Set<string>();
  let phase: Parameters<typeof readHealth>[0]['phase'] = 'not started';
  let starting: Promise<void> | undefined;
  let closing: Promise<{ readonly abandoned: number }> | undefined;
  let subscription: Subscription | undefined;

  const start = async (): Promise<void> => {
    phase = 'starting';
    try {
      subscription = await subscribe();
    } catch (error) {
      phase = 'not started';
      starting = undefined;
      throw error;
    }
    if (closing !== undefined) return subscription.close();
    for (const reason of reasons) subscription.pause(reason);
    phase = 'running';
    watch(subscription);
  };

  const subscribe = async (): Promise<Subscription> => {
    if (routes.topics.length === 0) {
      throw new InvalidOptionError('on', 'the consumer has no handler; add one with on() or onBatch() before start()');
    }
    if (database === undefined) checkDelays(settings, holdMs);
    else await checkSchema(database, [inboxSchema]);
    return transport.subscribe(routes.topics, receive, {
      group,
      from,
      concurrency: settings.concurrency ?? Math.max(defaultConcurrency, routes.width),
      maxInFlight,
      ordering,
    });
  };

  /** A subscription that dies takes the consumer's readiness with it, and says so. */
  const watch = ({ closed }: Subscription): void => {
    closed.catch((error) => {
      if (closing !== undefined) return;
      phase = 'broken';
      log.error({ error, group }, 'the consumer has lost its subscription; close it and create a new one');
    });
  };

  const close = async (deadlineMs: number): Promise<{ readonly abandoned: number }> => {
    const startedAt = clock.monotonic();
    phase = 'closing';
    if (subscription === undefined && starting !== undefined) await settledWithin(clock, starting, deadlineMs);
    await subscription?.close({ deadlineMs: Math.max(0, deadlineMs - (clock.monotonic() - startedAt)) });
    limits.rest();
    const { inFlight: abandoned } = tally.read();
    if (abandoned > 0) {
      log.warn({ group, abandoned }, 'closed while handlers were running; their messages will be delivered again');
    }
    return { abandoned };
  };

  return {
    requireNotStarted: (option) => {
      if (phase === 'not started') return;
      throw new InvalidOptionError(option, `the consumer is ${phase}; add every handler before start()`);
    },
    start: () => {
      if (closing !== undefined) return Promise.reject(new ClosedError(`consumer of group '${group}'`));
      starting ??= start();
      return starting;
    },
    pause: (reason) => {
      reasons.add(reason);
      subscription?.pause(reason);
    },
    resume: (reason) => {
      reasons.delete(reason);
      subscription?.resume(reason);
    },
    health: () =>
      readHealth({
        phase,
        subscription: subscription?.health(),
        stats: tally.read(),
        stillMs: clock.monotonic() - tally.lastProgress,
      }),
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
};

/** Resolves when `promise` has settled, or after `limitMs`. */
const settledWithin = (clock: Clock, promise: Promise<unknown>, limitMs: number): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.after(limitMs, resolve);
    const end = (): void => {
      cancel();
      resolve();
    };
    promise.then(end, end);
  });
