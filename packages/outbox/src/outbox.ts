import {
  type Contract,
  createRuntime,
  encodeMessage,
  type InputOf,
  InvalidOptionError,
  type Message,
  type Ordering,
  type Runtime,
  type SendOptions,
} from '@holdfast/core';
import { createNotifier, type Database } from '@holdfast/postgres';
import {
  createParkedRows,
  type ParkedRow as ParkedMessage,
  type ParkedRowsQuery as ParkedQuery,
  type ParkedRowsTarget as RetryTarget,
  wakeChannel,
  wakeRelays,
} from '@holdfast/relay';
import { createAddRows } from './add-rows.ts';
import { outboxRow } from './outbox-row.ts';
import { outboxTable } from './outbox-schema.ts';

export interface OutboxOptions {
  /**
   * `key` (default): messages of a key are published in the order in which their transactions commit; adding locks the
   * key until the commit. `none`: no order and no lock.
   */
  readonly ordering?: Ordering | undefined;
  /**
   * How many messages may wait, delayed and parked ones included. Default 1,000,000. It is compared with a number that is
   * up to 250 ms old, so a burst may pass it by what it writes meanwhile.
   */
  readonly capacity?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface AddOptions extends SendOptions {
  /** Default: the contract's topic. */
  readonly topic?: string | undefined;
  /** Not before so many milliseconds from now. It takes its place in the order of its key when it falls due. */
  readonly delayMs?: number | undefined;
}

/** One message of {@link Outbox.addMany}. */
export type OutboxEntry<C extends Contract> = readonly [contract: C, payload: InputOf<C>, options?: AddOptions];

/** Messages that are there with the transaction that added them, or never were. */
export interface Outbox<Tx> extends AsyncDisposable {
  /**
   * Adds a message in your transaction; it is published after the commit. `tx` must be a transaction: a pool is refused
   * with `not_a_transaction`, and nothing is written.
   *
   * With key order it locks the message's key until the commit. Two transactions that add keys in opposite order in
   * several calls can deadlock (40P01; run one again): add last, or all at once with `addMany`.
   */
  add<C extends Contract>(tx: Tx, contract: C, payload: InputOf<C>, options?: AddOptions): Promise<Message>;
  /** As `add`, for several messages in one statement: all of them are written, or none. */
  addMany<const Contracts extends readonly Contract[]>(
    tx: Tx,
    entries: { readonly [Index in keyof Contracts]: OutboxEntry<Contracts[Index]> },
  ): Promise<readonly Message[]>;
  /** A transaction of the database; wakes the relay when it has committed. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Wakes the relay: call it after your own commit. Without it the relay finds the messages a moment later. */
  wake(): void;
  /** Takes back a message whose delay is not over; in your transaction. */
  cancel(tx: Tx, id: string): Promise<'cancelled' | 'not-found'>;
  /** Messages that could not be published, and those of the same key behind them; in the order of their parking. */
  parked(query?: ParkedQuery): Promise<readonly ParkedMessage[]>;
  /**
   * Puts parked messages back, each with everything that is parked of its key, in order. Gives back how many. Many keys
   * go in several transactions: one that fails leaves the rest parked.
   */
  retry(target: RetryTarget): Promise<number>;
  /**
   * Idempotent. Sends the wake-up that is waiting, until the deadline (default 5,000 ms). Transactions that are open are
   * not concerned.
   */
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

export const createOutbox = <Tx>(database: Database<Tx>, options: OutboxOptions = {}): Outbox<Tx> => {
  const runtime = createRuntime(options.runtime);
  const { ordering = 'key', capacity = 1_000_000 } = options;
  if (!(Number.isSafeInteger(capacity) && capacity >= 1)) {
    throw new InvalidOptionError('capacity', `found ${capacity}; expected a whole number from 1`);
  }
  if (ordering !== 'key' && ordering !== 'none') {
    throw new InvalidOptionError('ordering', `found ${JSON.stringify(ordering)}; expected 'key' or 'none'`);
  }
  const addRows = createAddRows({ database, capacity, monotonic: () => runtime.clock.monotonic() });
  const parked = createParkedRows({ database, table: outboxTable });
  const notifier = createNotifier(database, wakeChannel(database, outboxTable), { runtime });

  const encode = async (contract: Contract, payload: unknown, { topic, delayMs, ...sending }: AddOptions = {}) => {
    const message = await encodeMessage(contract, payload, sending, runtime);
    const row = outboxRow(message, { topic: topic ?? contract.topic, ordered: ordering === 'key', delayMs });
    return { message, row };
  };
  const add = async (tx: Tx, encoding: readonly Promise<Awaited<ReturnType<typeof encode>>>[]) => {
    const encoded = await Promise.all(encoding);
    await addRows(
      tx,
      encoded.map(({ row }) => row),
    );
    return encoded.map(({ message }) => message);
  };
  const wake = (): void => {
    if (!wakeRelays(database, outboxTable)) notifier.wake();
  };
  return {
    add: async (tx, contract, payload, adding) => {
      const [message] = await add(tx, [encode(contract, payload, adding)]);
      return message as Message;
    },
    addMany: (tx, entries) =>
      add(
        tx,
        (entries as readonly OutboxEntry<Contract>[]).map(([contract, payload, adding]) =>
          encode(contract, payload, adding),
        ),
      ),
    transaction: async (work) => {
      const result = await database.transaction(work);
      wake();
      return result;
    },
    wake,
    cancel: async (tx, id) => {
      const text = `delete from ${database.schema}.outbox_delayed where id = $1::text returning id::text`;
      return (await database.query(tx, text, [id])).length > 0 ? 'cancelled' : 'not-found';
    },
    parked: parked.list,
    retry: async (target) => {
      const count = await parked.retry(target);
      if (count > 0) wake();
      return count;
    },
    close: notifier.close,
    [Symbol.asyncDispose]: () => notifier.close(),
  };
};
