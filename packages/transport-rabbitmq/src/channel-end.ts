import { type Clock, type HoldfastError, textOf } from '@holdfast/core';
import { replyCodeOf, replyCodes } from './amqp.ts';
import { ConnectionLostError, ExchangeRefusedError, UnsendableError } from './errors.ts';
import type { Sending } from './sending.ts';
import type { Failure } from './sending-lanes.ts';

/** Says what the end of a publishing channel means for what was on its way. */
export interface ChannelEnd {
  judge(lost: readonly Sending[], reason: unknown): (sending: Sending) => Failure;
  /** Why nothing goes to this exchange at the moment: each try would end the channel, for all others too. */
  refusalOf(exchange: string): HoldfastError | undefined;
}

/** How long it is believed that we may not publish to an exchange. */
const believedMs = 5_000;

/**
 * The broker ends the channel for a message above its size limit, and for an exchange that we may not publish to; with one
 * of these it says which. Whatever else was on its way has an unknown outcome.
 */
export const createChannelEnd = (clock: Clock): ChannelEnd => {
  const refused = new Map<string, { readonly error: HoldfastError; readonly until: number }>();

  const judge = (lost: readonly Sending[], reason: unknown): ((sending: Sending) => Failure) => {
    const unknown: Failure = { outcome: 'unknown', error: new ConnectionLostError('no confirm came', reason) };
    switch (replyCodeOf(reason)) {
      case replyCodes.mismatch: {
        const tooLarge = largest(lost);
        const failureOf = (id: string): Failure => ({ outcome: 'failed', error: new UnsendableError(id, reason) });
        return (sending) => (sending === tooLarge ? failureOf(sending.id) : unknown);
      }
      case replyCodes.accessRefused: {
        const exchange = /exchange '([^']*)'/.exec(textOf(reason))?.[1];
        if (exchange === undefined) return () => unknown;
        const error = new ExchangeRefusedError(exchange, reason);
        refused.set(exchange, { error, until: clock.monotonic() + believedMs });
        return (sending) => (sending.exchange === exchange ? { outcome: 'failed', error } : unknown);
      }
      default:
        return () => unknown;
    }
  };

  const refusalOf = (exchange: string): HoldfastError | undefined => {
    if (refused.size === 0) return undefined;
    const refusal = refused.get(exchange);
    if (refusal === undefined) return undefined;
    if (clock.monotonic() < refusal.until) return refusal.error;
    refused.delete(exchange);
    return undefined;
  };

  return { judge, refusalOf };
};

/** The largest is above the limit if any is. */
const largest = (sendings: readonly Sending[]): Sending | undefined =>
  sendings.reduce<Sending | undefined>(
    (most, one) => (most === undefined || one.body.length > most.body.length ? one : most),
    undefined,
  );
