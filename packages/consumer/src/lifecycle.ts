import {
  type Clock,
  ClosedError,
  type CloseOptions,
  type Delivery,
  type Health,
  InvalidOptionError,
  type Receive,
  type Settlement,
  type Subscription,
} from '@holdfast/core';
import type { Pruner } from '@holdfast/inbox';
import type { Settings } from './consumer-options.ts';
import type { HandlerSlots } from './handler-slots.ts';
import { type ConsumerHealth, type Phase, readHealth } from './health.ts';
import type { Parking } from './parking/parking.ts';
import type { Routes } from './routes.ts';
import type { RunningHandlers } from './running-handlers.ts';
import { checkStart } from './start-checks.ts';
import type { Tally } from './stats.ts';
import type { StoreFirst } from './store-first.ts';
import type { TenantGuard } from './tenant-guard.ts';
import type { TimeLimits } from './time-limits.ts';
import { markUnreadable } from './unreadable.ts';
import type { Vitals } from './vitals.ts';

export interface LifecycleOptions<Tx> {
  readonly settings: Settings<Tx>;
  readonly routes: Routes;
  readonly tally: Tally;
  /** Of what comes from the broker, and from the store. */
  readonly vitals: readonly Vitals[];
  readonly limits: TimeLimits;
  readonly running: RunningHandlers;
  /** For what the transport delivers. */
  readonly receive: Receive;
  /** With `store-first`: what handles the stored messages. */
  readonly storeFirst: StoreFirst | undefined;
  /** With a database, unless `store-first`. */
  readonly parking: Parking | undefined;
  /** Begins to delete what the inbox need not remember; without a database, or for ever, there is nothing to. */
  readonly startPruner: (() => Pruner) | undefined;
  /** The bulkhead before the handlers; without it the transport keeps to `handlersAtOnce`. */
  readonly slots: HandlerSlots | undefined;
  /** The bulkhead, where each tenant has one. */
  readonly tenants: TenantGuard | undefined;
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

/** How many handlers run at once. */
export const handlersAtOnce = <Tx>({ concurrency }: Settings<Tx>, { width }: Routes): number =>
  concurrency ?? Math.max(defaultConcurrency, width);

const defaultConcurrency = 16;
/** So many more than handlers are taken in: look-ups are made where few are left that have theirs, of all others together. */
const takenInAhead = (handlers: number): number => Math.max(handlers, Math.min(2 * handlers, 64));
/** Storing is cheap, and grows into shared statements. */
const storingConcurrency = 500;
const defaultDeadlineMs = 10_000;

export const createLifecycle = <Tx>(options: LifecycleOptions<Tx>): Lifecycle => {
  const {
    settings,
    routes,
    tally,
    vitals,
    limits,
    running,
    receive,
    storeFirst,
    parking,
    startPruner,
    slots,
    tenants,
  } = options;
  const { transport, group, from, maxInFlight, ordering } = settings;
  const { clock, log } = settings.runtime;
  const reasons = new Set<string>();
  let phase: Phase = 'not started';
  let starting: Promise<void> | undefined;
  let closing: Promise<{ readonly abandoned: number }> | undefined;
  /** By the monotonic clock. */
  let closesBy = Number.POSITIVE_INFINITY;
  let subscription: Subscription | undefined;
  let pruner: Pruner | undefined;

  const start = async (): Promise<void> => {
    phase = 'starting';
    try {
      await checkStart({ settings, routes });
      subscription = await subscribe();
      parking?.start();
      await storeFirst?.start(handlersAtOnce(settings, routes));
    } catch (error) {
      await subscription?.close();
      subscription = undefined;
      starting = undefined;
      if (closing === undefined) phase = 'not started';
      throw error;
    }
    if (closing !== undefined) return end();
    for (const reason of reasons) subscription.pause(reason);
    phase = 'running';
    pruner = startPruner?.();
    watch(subscription);
  };

  const takenInAtOnce = (): number => {
    if (storeFirst !== undefined) return storingConcurrency;
    const handlers = handlersAtOnce(settings, routes);
    return slots === undefined ? handlers : handlers + takenInAhead(handlers);
  };

  /** Deliveries come before the subscription is there to be paused. */
  const receiveUnlessPaused: Receive = (delivery) => (reasons.size === 0 ? receive(delivery) : Promise.resolve(later));

  const subscribe = (): Promise<Subscription> => {
    const concurrency = Math.min(takenInAtOnce(), maxInFlight);
    const subscribing = { group, from, concurrency, maxInFlight, ordering };
    return transport.subscribe(routes.topics, receiveUnlessPaused, {
      ...subscribing,
      ...(settings.database !== undefined && {
        onUnreadable: (delivery: Delivery, reason: string) => receiveUnlessPaused(markUnreadable(delivery, reason)),
      }),
      ...(parking !== undefined && { onAssigned: parking.onAssigned, onRevoked: parking.onRevoked }),
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

  const end = async (): Promise<void> => {
    running.shut();
    slots?.shut();
    storeFirst?.shut();
    const deadlineMs = Math.max(0, closesBy - clock.monotonic());
    await Promise.all([subscription?.close({ deadlineMs }), storeFirst?.close(deadlineMs)]);
    await parking?.close();
  };

  const close = async (deadlineMs: number): Promise<{ readonly abandoned: number }> => {
    closesBy = clock.monotonic() + deadlineMs;
    phase = 'closing';
    if (subscription === undefined && starting !== undefined) await settledWithin(clock, starting, deadlineMs);
    const pruned = pruner?.close();
    await end();
    if (pruned !== undefined) await settledWithin(clock, pruned, Math.max(0, closesBy - clock.monotonic()));
    limits.rest();
    phase = 'closed';
    const { messages: abandoned } = running;
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
      if (closing !== undefined || phase === 'broken') {
        return Promise.reject(new ClosedError(`consumer of group '${group}'`));
      }
      starting ??= start();
      return starting;
    },
    pause: (reason) => {
      reasons.add(reason);
      subscription?.pause(reason);
      storeFirst?.pause();
      slots?.pause();
    },
    resume: (reason) => {
      reasons.delete(reason);
      subscription?.resume(reason);
      if (reasons.size > 0) return;
      for (const half of vitals) half.resumed();
      storeFirst?.resume();
      slots?.resume();
    },
    health: () =>
      readHealth({
        phase,
        parts: [
          subscription?.health() ?? notThere,
          ...[storeFirst, parking, tenants].flatMap((part) => part?.health() ?? []),
        ],
        troubles: vitals.flatMap(({ trouble }) => trouble ?? []),
        stats: tally.read(),
        stillMs: reasons.size > 0 ? 0 : Math.max(...vitals.map(({ stillMs }) => stillMs)),
      }),
    close: ({ deadlineMs = defaultDeadlineMs } = {}) => {
      closing ??= close(deadlineMs);
      return closing;
    },
  };
};

const notThere: Health = { live: true, ready: false, reasons: [] };

/** While it is paused, for what the transport hands over all the same. */
const later: Settlement = { outcome: 'retry', delayMs: 100, spent: false };

/** Resolves when `promise` has settled, or after `limitMs`. */
const settledWithin = (clock: Clock, promise: Promise<unknown>, limitMs: number): Promise<void> =>
  new Promise((resolve) => {
    const cancel = clock.after(limitMs, resolve);
    const settled = (): void => {
      cancel();
      resolve();
    };
    promise.then(settled, settled);
  });
