import { setMaxListeners } from 'node:events';
import { type Delivery, HoldfastError, InvalidOptionError, type Receive, type Runtime } from '@holdfast/core';
import { createWindow } from '@holdfast/flow';
import type { Database } from '@holdfast/postgres';
import { createRelay, type Relay, type RelayRow, type RelaySink, rowMessage, type SendOutcome } from '@holdfast/relay';
import { storedMessages } from './stored-messages-schema.ts';

export interface InboxRelayOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** Handles a stored message. A `reject` parks it, and what follows of its key. */
  readonly receive: (delivery: StoredDelivery) => ReturnType<Receive>;
  /**
   * Whether `receive` takes a message that was running alone at `suspectDeaths` deaths of its process, told by its `deaths`.
   * Default false: it is parked, and what follows of its key.
   */
  readonly takesSuspects?: boolean | undefined;
  /** Default 3. */
  readonly suspectDeaths?: number | undefined;
  /** How many are handled at once. Default 16. */
  readonly concurrency?: number | undefined;
  /** How long a silent owner keeps its shards, in milliseconds. Default 10,000. */
  readonly leaseMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** The hand-over of a stored message. */
export interface StoredDelivery extends Delivery {
  /** It killed its process so often, each time while nothing else ran: it is not to be handled again. */
  readonly deaths?: number | undefined;
}

/** What the `token` of the inbox relay's deliveries begins with; the rest is of the claim on the shard. */
export const storedToken = 'inbox ';

/** A stored message was rejected, and nothing else took it. */
export class RejectedError extends HoldfastError {
  override readonly code = 'rejected';
}

/**
 * Hands the stored messages of a group to `receive`: in order per key, at least once, any number of relays sharing the
 * work. A delivery's `partition` is the shard of the store and its `position` the place in it. A `retry` holds up its own key;
 * a message that was settled with `ack` is deleted. Messages are in memory by a few times `concurrency` at most.
 */
export const createInboxRelay = <Tx>(options: InboxRelayOptions<Tx>): Relay => {
  const {
    database,
    group,
    receive,
    concurrency = 16,
    leaseMs,
    takesSuspects = false,
    suspectDeaths,
    runtime,
  } = options;
  if (group === '') throw new InvalidOptionError('group', 'found an empty name; name the group');
  const source = { database, table: storedMessages, route: group };
  // One message a hand-over: its outcome waits for no other's. Failures are the receiver's to count: it settles them.
  const relaying = { batchSize: 1, maxInFlight: concurrency, leaseMs, suspectDeaths, runtime };
  const sink = inboxSink({ group, receive, takesSuspects, concurrency });
  const relay = createRelay(source, sink, relaying);
  return {
    ...relay,
    close: (closing) => {
      sink.shut();
      return relay.close(closing);
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
};

interface InboxSinkOptions {
  readonly group: string;
  readonly receive: InboxRelayOptions<never>['receive'];
  readonly takesSuspects: boolean;
  readonly concurrency: number;
}

interface InboxSink extends RelaySink {
  /** Hands over nothing any more: what waits for its turn is handed back. */
  shut(): void;
}

/** The window bounds what runs over all shards of this process. */
const inboxSink = ({ group, receive, takesSuspects, concurrency }: InboxSinkOptions): InboxSink => {
  const slots = createWindow({ capacity: concurrency });
  let isShut = false;
  /** A claim has one signal. */
  const tokens = new WeakMap<AbortSignal, string>();
  let claims = 0;

  const tokenOf = (claim: AbortSignal): string => {
    const known = tokens.get(claim);
    if (known !== undefined) return known;
    const token = `${storedToken}${++claims}`;
    tokens.set(claim, token);
    return token;
  };

  const handOver = async (row: RelayRow, signal: AbortSignal): Promise<SendOutcome> => {
    try {
      await slots.acquire(1, signal);
    } catch {
      return later;
    }
    try {
      if (isShut) return later;
      const { attempt } = row;
      return outcomeOf(await receive(deliveryOf(row, { group, attempt, token: tokenOf(signal), signal })));
    } finally {
      slots.release(1);
    }
  };

  const outcomeOf = (settlement: Awaited<ReturnType<Receive>>): SendOutcome => {
    switch (settlement.outcome) {
      case 'ack':
        return { outcome: 'ok' };
      case 'retry':
        return { outcome: 'later', delayMs: settlement.delayMs, spent: settlement.spent };
      case 'reject':
        return { outcome: 'failed', error: new RejectedError(settlement.reason) };
    }
  };

  return {
    failsSuffix: false,
    takesSuspects,
    shut: () => {
      isShut = true;
    },
    send: (rows, signal) => {
      // Many handlers listen at once; Node would warn at eleven.
      setMaxListeners(0, signal);
      return Promise.all(rows.map((row) => handOver(row, signal)));
    },
  };
};

/** The claim ended, or the relay began to close, before its turn came. */
const later: SendOutcome = { outcome: 'later', delayMs: 1_000, spent: false };

const deliveryOf = (
  row: RelayRow,
  parts: Pick<Delivery, 'group' | 'attempt' | 'token' | 'signal'>,
): StoredDelivery => ({
  message: rowMessage(row),
  topic: row.topic,
  partition: row.shard,
  position: row.seq,
  ...(row.deaths !== undefined && { deaths: row.deaths }),
  ...parts,
});
