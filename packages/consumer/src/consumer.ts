import type { CloseOptions, Contract, Message, Settlement } from '@holdfast/core';
import { createInbox } from '@holdfast/inbox';
import { type AnyHandler, createRunAttempt } from './attempt.ts';
import { type AnyBatchHandler, createRunBatchAttempt } from './batch-attempt.ts';
import { type BatchOptions, createBatchRoute } from './batch-route.ts';
import { type ConsumerOptions, checkOptions } from './consumer-options.ts';
import { buryInDeadTopic } from './dead-letters.ts';
import { inboxEffects } from './effects.ts';
import type { BatchHandler, MessageHandler } from './handler-types.ts';
import type { ConsumerHealth } from './health.ts';
import { createLifecycle } from './lifecycle.ts';
import { createReception } from './reception.ts';
import { createRoutes } from './routes.ts';
import { createStack } from './stack.ts';
import { type ConsumerStats, createTally } from './stats.ts';
import { createTimeLimits } from './time-limits.ts';

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
   * Stops taking messages, lets handlers end within `deadlineMs` (default 10,000), aborts the others and hands their
   * messages back. Idempotent. `abandoned`: how many handlers were still running at the deadline.
   */
  close(options?: CloseOptions): Promise<{ readonly abandoned: number }>;
}

/** Throws `invalid_option` for options that cannot work or do not exist. Connects to nothing before `start`. */
export const createConsumer = <Tx = never>(options: ConsumerOptions<Tx>): Consumer<Tx> => {
  const settings = checkOptions(options);
  const { database, group, runtime, transport } = settings;
  const limits = createTimeLimits({ ...settings, clock: runtime.clock });
  const effects = database && inboxEffects(createInbox(database, { runtime }), group, runtime.log);
  const runAttempt = createRunAttempt({ limits, effects });
  const runBatchAttempt = createRunBatchAttempt({ limits, effects });
  const routes = createRoutes();
  const tally = createTally(runtime, group);
  const reception = createReception({
    settings,
    routes,
    tally,
    stack: createStack(settings, effects),
    bury: buryInDeadTopic(transport, runtime),
  });
  const lifecycle = createLifecycle({ settings, routes, tally, limits, receive: reception.receive });

  const consumer: Consumer<Tx> = {
    on: (contract, handler) => {
      lifecycle.requireNotStarted('on');
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
      const untyped = handler as AnyBatchHandler;
      routes.add(createBatchRoute(contract, batchOptions, (members) => runBatchAttempt(untyped, members)));
      return consumer;
    },
    start: async () => {
      await lifecycle.start();
      return consumer;
    },
    pause: lifecycle.pause,
    resume: lifecycle.resume,
    health: lifecycle.health,
    stats: tally.read,
    receive: async (message, { attempt = 1 } = {}) => {
      const settlement = await reception.receiveAlone(message, attempt);
      limits.rest();
      return settlement;
    },
    close: lifecycle.close,
    [Symbol.asyncDispose]: async () => {
      await lifecycle.close();
    },
  };
  return consumer;
};
