import { HoldfastError, isHoldfastError } from '@holdfast/core';

/** The transport refuses for a reason that says nothing of the message: settings, credentials, tables, a topology. */
export class TransportRefusesError extends HoldfastError {
  override readonly code = 'transport_refuses';
  constructor(cause: HoldfastError) {
    super(`${cause.code}: ${cause.message}`, { cause, retryable: true });
  }
}

/** Errors that speak of the message, or of the topic that it names: trying it again cannot help while it is as it is. */
const ofTheMessage: ReadonlySet<string> = new Set([
  'invalid_message',
  'oversized_body',
  'oversized_record',
  'unsendable',
  'unroutable',
  'unknown_topic',
  'name_too_long',
]);

/** What an error of a transport says, where it is one that Holdfast knows will not pass by itself. */
export type Refusal = 'message' | 'transport' | undefined;

export const refusalOf = (error: unknown): Refusal => {
  if (!isHoldfastError(error) || error.retryable) return undefined;
  return ofTheMessage.has(error.code) ? 'message' : 'transport';
};
