import { HoldfastError, isHoldfastError } from './errors.ts';
import type { Message } from './message.ts';

/** What became of one message of a publish. `unknown`: it may have been stored; publishing it again is safe. */
export type PublishOutcome =
  | { readonly outcome: 'ok' }
  | { readonly outcome: 'failed'; readonly error: unknown }
  | { readonly outcome: 'unknown'; readonly error: unknown };

/**
 * A publish of which at least one message is not known to be stored.
 * `outcomes` has one entry per message, in the order of the call. Publishing the same messages again is safe: ids are stable.
 */
export class PublishError extends HoldfastError {
  override readonly code = 'publish_failed';
  readonly topic: string;
  readonly outcomes: readonly PublishOutcome[];

  constructor(topic: string, outcomes: readonly PublishOutcome[]) {
    const bad = outcomes.filter((o) => o.outcome !== 'ok');
    const first = bad[0];
    const cause = first?.error;
    const unknown = bad.filter((o) => o.outcome === 'unknown').length;
    super(
      `${bad.length} of ${outcomes.length} messages for topic '${topic}' were not confirmed (${unknown} unknown): ` +
        `${cause instanceof Error ? cause.message : String(cause)}`,
      { cause, retryable: bad.every((o) => o.outcome === 'unknown' || isRetryable(o.error)) },
    );
    this.topic = topic;
    this.outcomes = outcomes;
  }

  /** All messages of a publish ended in the same way. */
  static all(topic: string, messages: readonly Message[], outcome: PublishOutcome): PublishError {
    return new PublishError(
      topic,
      messages.map(() => outcome),
    );
  }
}

/** Errors that are not Holdfast's own come from drivers and are taken as passing. */
const isRetryable = (error: unknown): boolean => !isHoldfastError(error) || error.retryable;
