import { ClosedError, InvalidOptionError, type Runtime, sleep } from '@holdfast/core';
import { settledOrAborted, within } from '@holdfast/flow';
import type { AmqpConnection } from './amqp.ts';
import { attempt } from './attempt.ts';
import { destroyConnection, isRefusal } from './connect.ts';
import { BrokerRefusedError, BrokerUnavailableError } from './errors.ts';

export interface LinkOptions {
  /** For logs: what the connection is for. */
  readonly purpose: string;
  readonly where: string;
  /** An attempt that is given up ends by its signal. */
  readonly connect: (signal: AbortSignal) => Promise<AmqpConnection>;
  /** How long an attempt may take. */
  readonly connectTimeoutMs: number;
  readonly runtime: Runtime;
  /** A connection is open; `lost` aborts with the reason when it has gone. Must not throw. */
  readonly onOpen?: ((connection: AmqpConnection, lost: AbortSignal) => void) | undefined;
  /** It has not been let in for `connectTimeoutMs`, at each attempt, by the broker or by what `connect` returns. */
  readonly onShutOut?: ((failure: unknown) => void) | undefined;
  readonly onBlocked?: ((reason: string | undefined) => void) | undefined;
}

/** One connection that is made again whenever it is lost, after a jittered and growing wait, for as long as it is not closed. */
export interface Link {
  /** The open connection. Waits for it `limitMs` at most; rejects at once when the broker refuses us, or `signal` aborts. */
  open(limitMs: number, signal?: AbortSignal): Promise<AmqpConnection>;
  /** Undefined while there is none. */
  readonly current: AmqpConnection | undefined;
  /** Why there is none; undefined while there is one, or before the first attempt. */
  readonly failure: unknown;
  /** Why the broker takes nothing on this connection at the moment. */
  readonly blocked: string | undefined;
  /** Ends within `deadlineMs`, whatever the broker does. */
  close(deadlineMs: number): Promise<void>;
}

/** It does not come right by waiting. */
const isFinal = (failure: unknown): boolean =>
  failure instanceof BrokerRefusedError || failure instanceof InvalidOptionError;

const backoff = { firstMs: 100, maxMs: 10_000 };
const steadyMs = 1_000;

export const createLink = (options: LinkOptions): Link => {
  const { purpose, where, connect, connectTimeoutMs, runtime } = options;
  const { onOpen = () => {}, onShutOut = () => {}, onBlocked = () => {} } = options;
  const { clock, log, random } = runtime;
  const stop = new AbortController();
  let current: AmqpConnection | undefined;
  let failure: unknown;
  let blocked: string | undefined;
  let tried = Promise.withResolvers<void>();
  let running: Promise<void> | undefined;
  let shutOutSince: number | undefined;

  const run = async (): Promise<void> => {
    for (let failures = 0; !stop.signal.aborted; ) {
      const connection = await tryConnect();
      if (connection !== undefined) {
        const openedAt = clock.monotonic();
        await live(connection);
        // One that ends again and again as soon as it is open must not be made again at once.
        if (clock.monotonic() - openedAt >= steadyMs) failures = 0;
      }
      if (stop.signal.aborted) return;
      // Full jitter: many processes that lost the same broker come back one by one.
      const delayMs = random() * Math.min(backoff.maxMs, backoff.firstMs * 2 ** failures++);
      await sleep(clock, delayMs, stop.signal).catch(() => {});
    }
  };

  const tryConnect = async (): Promise<AmqpConnection | undefined> => {
    try {
      return await attempt({ connect, limitMs: connectTimeoutMs, stop: stop.signal, clock });
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      failure = isRefusal(error) ? new BrokerRefusedError(where, error) : error;
      const said = { purpose, where, error: failure };
      if (isRefusal(error)) log.error(said, 'RabbitMQ refuses the connection');
      else log.warn(said, 'RabbitMQ cannot be reached; trying again');
      announce();
      noteRefusal(isFinal(failure));
      return undefined;
    }
  };

  /** Once may be a password that is being changed. */
  const noteRefusal = (refused: boolean): void => {
    if (!refused) shutOutSince = undefined;
    else shutOutSince ??= clock.monotonic();
    if (shutOutSince !== undefined && clock.monotonic() - shutOutSince >= connectTimeoutMs) onShutOut(failure);
  };

  const announce = (): void => {
    tried.resolve();
    tried = Promise.withResolvers<void>();
  };

  /** Resolves when the connection has gone. */
  const live = async (connection: AmqpConnection): Promise<void> => {
    const lost = new AbortController();
    const gone = Promise.withResolvers<void>();
    let reason: unknown;
    connection.on('error', (error: unknown) => {
      reason = error;
    });
    connection.on('close', (error: unknown) => {
      reason ??= error;
      gone.resolve();
    });
    connection.on('blocked', (why: string) => setBlocked(why));
    connection.on('unblocked', () => setBlocked(undefined));
    if (stop.signal.aborted) {
      destroyConnection(connection, new ClosedError('the transport'));
      return;
    }
    current = connection;
    failure = undefined;
    shutOutSince = undefined;
    onOpen(connection, lost.signal);
    announce();
    await gone.promise;
    if (reason !== undefined) destroyConnection(connection);
    current = undefined;
    failure = reason ?? new Error('the connection was closed');
    setBlocked(undefined);
    if (!stop.signal.aborted) log.warn({ purpose, where, error: failure }, 'lost the connection to RabbitMQ');
    lost.abort(failure);
  };

  const setBlocked = (reason: string | undefined): void => {
    if (blocked === reason) return;
    blocked = reason;
    if (reason === undefined) log.info({ purpose, where }, 'RabbitMQ takes messages again');
    else log.warn({ purpose, where, reason }, 'RabbitMQ has blocked this connection: it takes no messages');
    onBlocked(reason);
  };

  const open = async (limitMs: number, signal?: AbortSignal): Promise<AmqpConnection> => {
    if (current !== undefined) return current;
    const startedAt = clock.monotonic();
    await within(clock, limitMs, async (limit) => {
      const over = AbortSignal.any(signal === undefined ? [limit, stop.signal] : [limit, stop.signal, signal]);
      while (current === undefined && !over.aborted) {
        running ??= run();
        await settledOrAborted(tried.promise, over);
        if (current === undefined && isFinal(failure)) throw failure;
      }
    });
    if (current !== undefined) return current;
    if (stop.signal.aborted) throw new ClosedError('the connection');
    signal?.throwIfAborted();
    throw new BrokerUnavailableError(where, clock.monotonic() - startedAt, failure);
  };

  const close = async (deadlineMs: number): Promise<void> => {
    stop.abort(new ClosedError('the connection'));
    announce();
    const connection = current;
    if (connection !== undefined) {
      await within(clock, deadlineMs, (limit) => settledOrAborted(connection.close(), limit));
      if (current !== undefined) destroyConnection(connection, new Error('closing took too long'));
    }
    if (connection !== undefined)
      await within(clock, 100, (limit) => settledOrAborted(running ?? Promise.resolve(), limit));
  };

  return {
    open,
    close,
    get current() {
      return current;
    },
    get failure() {
      return failure;
    },
    get blocked() {
      return blocked;
    },
  };
};
