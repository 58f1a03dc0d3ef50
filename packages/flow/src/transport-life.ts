import {
  type Clock,
  ClosedError,
  type CloseOptions,
  checkSubscribe,
  PublishError,
  type Subscription,
  type Transport,
} from '@holdfast/core';
import { settledOrAborted } from './settled-or-aborted.ts';
import { within } from './within.ts';

/** What an adapter does in its broker's terms; {@link TransportLife.transport} adds what is the same for all. */
export interface TransportParts<Joined extends Subscription>
  extends Pick<Transport, 'capabilities' | 'topology' | 'publish'> {
  /** Joins a group; topics and options have been checked. */
  readonly subscribe: (...joining: Parameters<Transport['subscribe']>) => Promise<Joined>;
  /** Waits for what is under way, after the subscriptions have closed, until `limit` aborts shortly before the deadline. */
  readonly drain: (limit: AbortSignal) => Promise<unknown>;
  /** Lets go of the broker, whatever is still under way, within `leftMs`. */
  readonly letGo: (leftMs: number) => Promise<void> | void;
}

/** A transport from its making to its close. */
export interface TransportLife<Joined extends Subscription> {
  /** Throws `closed` once `close` was called. */
  requireOpen(): void;
  readonly subscriptions: ReadonlySet<Joined>;
  /**
   * The transport: nothing is joined once it is closed, nothing published once its subscriptions have closed, so that what
   * they are handling can still publish; and a close ends by its deadline.
   */
  transport(parts: TransportParts<Joined>): Transport;
}

const defaultDeadlineMs = 10_000;

export const createTransportLife = <Joined extends Subscription = Subscription>(
  name: string,
  clock: Clock,
): TransportLife<Joined> => {
  const subscriptions = new Set<Joined>();
  const joins = new Set<Promise<Joined>>();
  let closed: Promise<void> | undefined;
  let publishes = true;

  const closedError = (): ClosedError => new ClosedError(`transport '${name}'`);
  const requireOpen = (): void => {
    if (closed !== undefined) throw closedError();
  };

  /** One that was joining while the transport closed is closed at once. */
  const keep = async (joined: Joined): Promise<Joined> => {
    if (closed !== undefined) {
      await joined.close({ deadlineMs: 0 });
      throw closedError();
    }
    subscriptions.add(joined);
    const forget = (): boolean => subscriptions.delete(joined);
    joined.closed.then(forget, forget);
    return joined;
  };

  const join = async (joining: Promise<Joined>): Promise<Joined> => {
    const kept = joining.then(keep);
    joins.add(kept);
    try {
      return await kept;
    } finally {
      joins.delete(kept);
    }
  };

  const end = async ({ drain, letGo }: TransportParts<Joined>, deadlineMs: number): Promise<void> => {
    const startedAt = clock.monotonic();
    const inOrder = async (limit: AbortSignal): Promise<void> => {
      const closing = [...subscriptions].map((subscription) => subscription.close({ deadlineMs: deadlineMs * 0.9 }));
      await Promise.all([...closing, Promise.allSettled(joins)]);
      publishes = false;
      await drain(limit);
    };
    try {
      await within(clock, deadlineMs * 0.95, (limit) => settledOrAborted(inOrder(limit), limit));
    } finally {
      publishes = false;
      await letGo(Math.max(0, startedAt + deadlineMs - clock.monotonic()));
    }
  };

  return {
    requireOpen,
    subscriptions,
    transport: (parts) => {
      const { capabilities, topology } = parts;
      const transport: Transport = {
        ...{ name, capabilities, topology },
        publish: async (topic, messages, options) => {
          if (!publishes) {
            throw PublishError.all(topic, messages, { outcome: 'failed', error: closedError() });
          }
          await parts.publish(topic, messages, options);
        },
        subscribe: async (topics, receive, options) => {
          requireOpen();
          checkSubscribe(topics, options);
          return await join(parts.subscribe(topics, receive, options));
        },
        close: ({ deadlineMs = defaultDeadlineMs }: CloseOptions = {}) => {
          closed ??= end(parts, deadlineMs);
          return closed;
        },
        [Symbol.asyncDispose]: () => transport.close(),
      };
      return transport;
    },
  };
};
