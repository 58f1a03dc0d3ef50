import type { PublishOutcome } from '@holdfast/core';
import type { NewRecord } from './driver.ts';

/** What the sender knows of the publish call that a message is of. */
export interface OutgoingCall {
  /** Calls are numbered in the order in which they were accepted. */
  readonly sequence: number;
  readonly signal: AbortSignal | undefined;
  /** Whether any of it may have been sent. */
  started: boolean;
  settle(index: number, outcome: PublishOutcome): void;
}

/** One message on its way to its partition. */
export interface Outgoing {
  readonly call: OutgoingCall;
  readonly index: number;
  readonly record: NewRecord;
  readonly bytes: number;
}
