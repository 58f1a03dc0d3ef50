import type { Message } from './message.ts';
import type { Settlement } from './settlement.ts';

/** One hand-over of a message to a group. */
export interface Delivery {
  readonly message: Message;
  readonly topic: string;
  readonly partition: number;
  /** Where the message stands in its partition, in the broker's own notation. */
  readonly position: string;
  readonly group: string;
  /** The how-manieth hand-over, from 1. Counted in process where no store keeps it. */
  readonly attempt: number;
  /** Of the assignment that handed it over: a fencing token. */
  readonly token: string;
  /** Aborts when the claim on the partition is lost, when a timeout ends the attempt, or at the deadline of `close()`. */
  readonly signal: AbortSignal;
}

/** What a transport hands deliveries to. The settlement is its return value; it does not throw. */
export type Receive = (delivery: Delivery) => Promise<Settlement>;
