import type { Message } from '@holdfast/core';

/** A message that could not be published, or that waits behind one of its key that could not. */
export interface ParkedMessage {
  readonly message: Message;
  readonly topic: string;
  /** An error's code, `attempts`, `crash suspect`; or `key`: an earlier message of its key is parked. */
  readonly reason: string;
  /** The last errors, oldest first. */
  readonly errors: readonly string[];
  readonly attempts: number;
  readonly parkedAt: Date;
  /** Where it stands in the list: give it as `after` to read on. */
  readonly position: string;
}

export interface ParkedQuery {
  /** Default 100. */
  readonly limit?: number | undefined;
  /** The `position` of the last one read. */
  readonly after?: string | undefined;
}

/** One parked message by its id, all of a key, all keys of which a message was parked for this reason, or all there are. */
export type RetryTarget =
  | { readonly id: string }
  | { readonly key: string }
  | { readonly reason: string }
  | { readonly all: true };
