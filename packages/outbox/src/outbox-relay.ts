import { createRuntime, guardTransport, type Policy, type Transport } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { createRelay, type Relay, type RelayOptions } from '@holdfast/relay';
import { outboxTable } from './outbox-schema.ts';
import { outboxSink } from './outbox-sink.ts';

export interface OutboxRelayOptions<Tx> extends RelayOptions {
  readonly database: Database<Tx>;
  /** Stays the caller's: closing the relay does not close it. */
  readonly transport: Transport;
  /** Around every publish: a timeout, a retry, a breaker. */
  readonly policy?: Policy | undefined;
}

/**
 * Publishes what the outbox holds through a transport: in order per key, at least once, each message under its own id.
 *
 * A message that the transport does not take (unknown topic, oversized body) is parked, with what follows of its key;
 * other keys go on. What the transport refuses for reasons of its own (credentials, a missing schema, a topology that
 * does not match) is logged as an error and tried again: a mistake of a deployment parks nothing.
 */
export const createOutboxRelay = <Tx>(options: OutboxRelayOptions<Tx>): Relay => {
  const { database, transport, policy, ...relaying } = options;
  const guarded = policy ? guardTransport(transport, policy) : transport;
  return createRelay(
    { database, table: outboxTable },
    outboxSink(guarded, createRuntime(options.runtime).log),
    relaying,
  );
};
