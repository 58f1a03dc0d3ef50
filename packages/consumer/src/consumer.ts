import type { CloseOptions, Contract, Delivery, Message, Receive, Settlement } from '@holdfast/core';
import { createInbox, createStoredEffects, type Pruner, startPruner } from '@holdfast/inbox';
import { type AnyHandler, createRunAttempt } from './attempt.ts';
import { type AnyBatchHandler, type BatchMember, createRunBatchAttempt } from './batch-attempt.ts';
import { type BatchOptions, createBatchRoute } from './batch-route.ts';
import { checkCount, checkHandler, checkOptions, parks } from './check-options.ts';
import type { ConsumerOptions, Settings } from './consumer-options.ts';
import { type Bury, buryInDeadTopic } from './dead-letters.ts';
import { createDeduplicator } from './deduplicate.ts';
import { type Effects, inboxEffects, type ParkedDeliveries, parkedEffects, storedEffects } from './effects.ts';
import { createHandlerSlots } from './handler-slots.ts';
import type { BatchHandler, MessageHandler } from './handler-types.ts';
import type { ConsumerHealth } from './health.ts';
import { createLifecycle, handlersAtOnce } from './lifecycle.ts';
import { createFailureHistory } from './parking/failure-history.ts';
import { createParking, type Parking, type ParkingOptions } from './parking/parking.ts';
import { createPolicyPauses } from './policy-pauses.ts';
import { createReception, noBurial } from './reception.ts';
import { redeliveryHorizonMs } from './retry-verdict.ts';
import { createRoutes } from './routes.ts';
import { createRunningHandlers } from './running-handlers.ts';
import { createSlowStart } from './slow-start.ts';
import { createStack } from './stack.ts';
import { type ConsumerStats, createTally, type Tally } from './stats.ts';
import { createStoreFirst, type StoreFirst } from './store-first.ts';
import { createStoredDeadLetters } from './stored-dead-letters.ts';
import { type TenantGuard, tenantGuard } from './tenant-guard.ts';
import { createTimeLimits } from './time-limits.ts';
import { createVitals } from './vitals.ts';

/**
 * Handles the messages of a group, at least once; with a database and `once`, each with one effect.
 *
 * A message leaves the group when its handler has succeeded, or when it is stored as a dead letter. With
 * `ordering: 'key'` the messages of a key come one after another, retries included.
 */
export interface Consumer<Tx> extends AsyncDisposable {
  /** Handles the contract's messages one by one. Before `start`; one handler per type. */
  on<C extends Contract>(contract: C, handler: MessageHandler<C, Tx>): Consumer<Tx>;
  /**
   * Handles the contract's messages in batches: what came while the last batch was handled is the next, so a lone
   * message waits for nothing. With `ordering: 'key'` a batch holds at most one message of a key.
   */
  onBatch<C extends Contract>(contract: C, handler: BatchHandler<C, Tx>, options: BatchOptions): Consumer<Tx>;
  /** Joins the group. Resolves when the group exists; rejects for options that cannot be kept and tables that are missing. */
  start(): Promise<Consumer<Tx>>;
  /** Starts no handler while any reason stands; what runs goes on, and the consumer stays in its group. */
  pause(reason: string): void;
  resume(reason: string): void;
  /** From progress, not from being connected: not ready when messages wait and none has been settled for long. */
  health(): ConsumerHealth;
  stats(): ConsumerStats;
  /**
   * One message through the whole stack without a broker, for tests: decoded, turned away if it is done, handled. A
   * rejected one is not stored anywhere. `attempt` counts from 1.
   */
  receive(message: Message, options?: { readonly attempt?: number }): Promise<Settlement>;
  /**
   * Starts no handler any more, lets those that run end within `deadlineMs` (default 10,000), aborts the others and hands
   * their messages back. Idempotent. `abandoned`: how many messages were still with a handler at the deadline.
   */
  close(options?: CloseOptions): Promise<{ readonly abandoned: number }>;
}

/** Throws `invalid_option` for options that cannot work or do not exist. Connects to nothing before `start`. */
export const createConsumer = <Tx = never>(options: ConsumerOptions<Tx>): Consumer<Tx> => {
  const settings = checkOptions(options);
  const { group, runtime, transport } = settings;
  const limits = createTimeLimits({ ...settings, clock: runtime.clock });
  const parkedDeliveries: ParkedDeliveries = new WeakMap();
  const effects = effectsOf(settings, parkedDeliveries);
  const running = createRunningHandlers();
  const runAttempt = createRunAttempt({ limits, running, effects });
  const runBatchAttempt = createRunBatchAttempt({ limits, running, effects });
  const routes = createRoutes();
  const tally = createTally(runtime, group);
  const reception = createReception({ settings, routes, tally });
  const [incoming, stored, alone] = [
    createVitals(runtime, group),
    createVitals(runtime, group),
    createVitals(runtime, group),
  ];
  const slots = takesInAhead(settings) ? createHandlerSlots(() => handlersAtOnce(settings, routes)) : undefined;
  const slowStart = createSlowStart(() => handlersAtOnce(settings, routes));
  const deduplicator = deduplicatorOf(settings);
  const tenants = tenantsOf(settings, {
    isParked: (delivery) => parkedDeliveries.has(delivery),
    handlers: () => handlersAtOnce(settings, routes),
  });
  const stack = createStack({ settings, limits, effects, deduplicator, slots, slowStart, tenants });
  const history = createFailureHistory(2 * settings.maxInFlight, runtime, `${process.pid}@${runtime.ids()}`);
  const bury = buryInDeadTopic(transport, runtime, history);
  const storeFirst = storeFirstOf(settings, tally, (conclude) => reception.receiver(stack, conclude, stored));
  const parking = parkingOf({
    settings,
    reception,
    stack,
    tally,
    vitals: { incoming, parked: stored },
    parkedDeliveries,
    buryElsewhere: bury,
    handlersAtOnce: () => handlersAtOnce(settings, routes),
  });
  /** What could not be read is stored as well: it is a dead letter when it comes out. */
  const storeUnreadable = storeFirst && ((delivery: Delivery) => storeFirst.storing(undefined, delivery));
  const receive =
    parking?.receive ??
    history.forgetting(reception.receiver(storeFirst?.storing ?? stack, bury, incoming, storeUnreadable));
  const vitals = [incoming, stored];
  const pruning = prunerOf(settings);
  const parts = {
    settings,
    routes,
    tally,
    vitals,
    limits,
    running,
    receive,
    storeFirst,
    parking,
    startPruner: pruning,
    slots,
    tenants,
  };
  const lifecycle = createLifecycle(parts);
  const receiveAlone = reception.receiver(
    createStack({ settings, limits, effects, deduplicator, tenants }),
    noBurial,
    alone,
  );

  const pauses = createPolicyPauses({
    ...settings,
    slowStart,
    pause: lifecycle.pause,
    resume: lifecycle.resume,
  });

  const consumer: Consumer<Tx> = {
    on: (contract, handler) => {
      lifecycle.requireNotStarted('on');
      checkHandler(contract, handler);
      const untyped = handler as AnyHandler;
      routes.add({
        contract,
        width: 1,
        run: (payload, delivery, spentMs) => runAttempt(untyped, payload, delivery, spentMs),
      });
      return consumer;
    },
    onBatch: (contract, handler, batchOptions) => {
      lifecycle.requireNotStarted('onBatch');
      checkHandler(contract, handler);
      const untyped = handler as AnyBatchHandler;
      const runBatch = (members: readonly BatchMember[]) => runBatchAttempt(untyped, members);
      routes.add(
        createBatchRoute(contract, batchOptions, {
          runBatch,
          mayStart: running.mayStart,
          hasTime: limits.hasTime,
        }),
      );
      return consumer;
    },
    start: async () => {
      await lifecycle.start();
      pauses.start();
      return consumer;
    },
    pause: lifecycle.pause,
    resume: lifecycle.resume,
    health: lifecycle.health,
    stats: tally.read,
    receive: async (message, { attempt = 1 } = {}) => {
      checkCount('attempt', attempt);
      const settlement = await receiveAlone(reception.deliveryOf(message, attempt));
      limits.rest();
      return settlement;
    },
    close: (closing) => {
      pauses.stop();
      return lifecycle.close(closing);
    },
    [Symbol.asyncDispose]: async () => {
      await consumer.close();
    },
  };
  return consumer;
};

const effectsOf = <Tx>(
  { database, group, inbox, runtime }: Settings<Tx>,
  parked: ParkedDeliveries,
): Effects<Tx> | undefined => {
  if (database === undefined) return undefined;
  const direct = inboxEffects(createInbox(database, { runtime }), group, runtime.log);
  return inbox === 'direct'
    ? parkedEffects(parked, direct)
    : storedEffects(createStoredEffects({ database, group }), direct);
};

const deduplicatorOf = <Tx>({ deduplicate, group, runtime }: Settings<Tx>) =>
  deduplicate === undefined ? undefined : createDeduplicator({ ...deduplicate, group, runtime });

const prunerOf = <Tx>(settings: Settings<Tx>): (() => Pruner) | undefined => {
  const { database, group, retentionMs, runtime } = settings;
  if (database === undefined || !Number.isFinite(retentionMs)) return undefined;
  const keeping = { group, retentionMs, redeliveryHorizonMs: redeliveryHorizonMs(settings) };
  return () => startPruner({ inbox: createInbox(database, { runtime }), ...keeping, runtime });
};

const parkingOf = <Tx>(parts: Omit<ParkingOptions<Tx>, 'database'>): Parking | undefined => {
  const { database } = parts.settings;
  return database !== undefined && parks(parts.settings) ? createParking({ ...parts, database }) : undefined;
};

/** Whether messages wait for something before their handlers: an answer about each, or a slot of its tenant. */
const takesInAhead = <Tx>({ database, deduplicate, inbox, tenants }: Settings<Tx>): boolean =>
  inbox === 'direct' && (database !== undefined || deduplicate !== undefined || tenants !== undefined);

/** Half of what is taken in may wait for a slot of its tenant, where more is taken in than there are handlers. */
const tenantsOf = <Tx>(
  { tenants, inbox, maxInFlight, runtime }: Settings<Tx>,
  { isParked, handlers }: { readonly isParked: (delivery: Delivery) => boolean; readonly handlers: () => number },
): TenantGuard | undefined => {
  if (tenants === undefined) return undefined;
  const waitersAtMost = (): number => (inbox === 'direct' ? Math.min(handlers(), Math.floor(maxInFlight / 2)) : 0);
  return tenantGuard({ ...tenants, waitersAtMost, isParked, clock: runtime.clock });
};

const storeFirstOf = <Tx>(
  settings: Settings<Tx>,
  tally: Tally,
  receiver: (conclude: Bury) => Receive,
): StoreFirst | undefined => {
  const { database, inbox } = settings;
  if (database === undefined || inbox !== 'store-first') return undefined;
  const dead = createStoredDeadLetters({ settings, database, tally });
  const receive = dead.guard(receiver(dead.conclude));
  return createStoreFirst({ settings, database, receive, trouble: dead.trouble });
};
