import type { Capabilities } from './capabilities.ts';
import type { Delivery, Receive } from './delivery.ts';
import type { Message } from './message.ts';
import type { Settlement } from './settlement.ts';
import type { StartPosition, Topology } from './topology.ts';

/** An adapter to a broker. The conformance suite says in full what it promises. */
export interface Transport extends AsyncDisposable {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly topology: Topology;
  /**
   * Resolves only when the broker has stored every message; otherwise rejects with a {@link PublishError} that has one
   * outcome per message. Publishes of one partition are sent in call order. An unknown topic, an oversized body and a
   * closed transport are refused before anything is sent.
   */
  publish(
    topic: string,
    messages: readonly Message[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** Joins a group. Resolves when the group exists: every message published afterwards will be seen by it. */
  subscribe(topics: readonly string[], receive: Receive, options: SubscribeOptions): Promise<Subscription>;
  /** Idempotent. Closes every subscription, then lets go of the broker. Ends by `deadlineMs` (default 10,000) whatever happens. */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  /** How long what is under way may take, in milliseconds. What is not done by then is abandoned and logged. Default 10,000. */
  readonly deadlineMs?: number | undefined;
}

/** Whether the messages of one key come one after another (`key`), or as they come (`none`). */
export type Ordering = 'key' | 'none';

/** A claim on one partition. `token` fences: a later claim on the partition has another. */
export interface Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly token: string;
}

export interface SubscribeOptions {
  readonly group: string;
  readonly from: StartPosition;
  /** How many deliveries run at once in this subscription, over all its partitions. Default 16. */
  readonly concurrency?: number | undefined;
  /** How many messages may be handed out and not settled, waiting retries included. Default 1,000. Bounds memory. */
  readonly maxInFlight?: number | undefined;
  /** Default `key`. */
  readonly ordering?: Ordering | undefined;
  /**
   * Given a message in place of `receive`, in its turn, that its topic's own `read` has refused: the message as the transport
   * reads it by itself, and why. Default: it is rejected with that reason, or where its topic's dead letters go nowhere, it is
   * dropped, counted as `holdfast.intake.dropped_unreadable` and logged.
   */
  readonly onUnreadable?: ((delivery: Delivery, reason: string) => Promise<Settlement>) | undefined;
  /** Awaited before the partition's first delivery. */
  readonly onAssigned?: ((assignment: Assignment) => Promise<void> | void) | undefined;
  /** Called when the claim ends; awaited before it is given up in order, as far as `signal` allows. */
  readonly onRevoked?: ((assignment: Assignment, signal: AbortSignal) => Promise<void> | void) | undefined;
}

/** Live: not known to be broken. Ready: has its share of partitions, and moves on if there is anything to do. */
export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  /** For people: why it is not live or not ready, why it is paused. */
  readonly reasons: readonly string[];
}

export interface Subscription {
  /** Stops new deliveries while any reason stands, without leaving the group. */
  pause(reason: string): void;
  resume(reason: string): void;
  health(): Health;
  /** The partitions it owns now. */
  readonly assignments: readonly Assignment[];
  /** Settles when the subscription has ended: resolves after `close()`, rejects when it died. */
  readonly closed: Promise<void>;
  /** Idempotent. Stops intake, lets handlers end within the deadline, aborts the rest, hands everything back. */
  close(options?: CloseOptions): Promise<void>;
}
