import { HoldfastError } from '@holdfast/core';

/** A handler called `once` a second time in one delivery: the record can stand for one transaction only. */
export class OnceTwiceError extends HoldfastError {
  override readonly code = 'once_called_twice';
  constructor(id: string) {
    super(`once was called a second time for message '${id}'; do all of its effects in one call`);
  }
}

/** The inbox could not be reached, before a handler or its work began: not the message's fault, so no attempt is spent. */
export class InboxUnavailableError extends HoldfastError {
  override readonly code = 'inbox_unavailable';
  constructor(cause: unknown) {
    const text = cause instanceof Error ? cause.message : String(cause);
    super(`the inbox cannot be used: ${text}; messages wait until its database answers`, { cause, retryable: true });
  }
}
