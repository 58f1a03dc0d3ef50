import type { Message, Transport } from '@holdfast/core';
import type { Outbox, OutboxOptions, OutboxRelayOptions } from '@holdfast/outbox';
import type { Database } from '@holdfast/postgres';
import type { Relay } from '@holdfast/relay';
import { memoryTransport } from '@holdfast/transport-memory';
import { type Bench, createBench } from '../bench.ts';
import { createWitness, type Witness } from '../witness.ts';

/** What is under test: an outbox, empty, and relays that drain it, in a database that nobody else uses meanwhile. */
export interface OutboxUnderTest<Tx> {
  readonly database: Database<Tx>;
  outbox(options: OutboxOptions): Outbox<Tx>;
  relay(options: Omit<OutboxRelayOptions<Tx>, 'database'>): Relay;
  /** A handle that is not a transaction: what somebody passes by mistake. */
  readonly notATransaction: Tx;
  close(): Promise<void>;
}

/** What a test of an outbox works with. */
export interface OutboxBench<Tx> extends Bench {
  open(): Promise<OpenOutbox<Tx>>;
}

export interface OpenOutbox<Tx> {
  readonly database: Database<Tx>;
  readonly notATransaction: Tx;
  /** Closed after the test, as its relays are. */
  outbox(options?: OutboxOptions): Outbox<Tx>;
  /** Publishes to the transport of the test unless told otherwise. */
  relay(options?: Partial<Omit<OutboxRelayOptions<Tx>, 'database'>>): Relay;
  readonly transport: Transport;
  /** Exists in the transport. */
  readonly topic: string;
  /** Sees everything that is published to the topic. */
  readonly witness: Witness;
}

export interface OutboxBenchOptions<Tx> {
  readonly create: () => Promise<OutboxUnderTest<Tx>>;
  readonly patienceMs: number;
}

export const createOutboxBench = <Tx>({ create, patienceMs }: OutboxBenchOptions<Tx>): OutboxBench<Tx> => {
  const bench = createBench(patienceMs);
  const { runtime } = bench.recorder;
  return {
    ...bench,
    open: async () => {
      const under = await create();
      bench.onEnd(() => under.close());
      const topic = bench.name('topic');
      const transport = memoryTransport({ topics: { [topic]: {} }, runtime });
      bench.onEnd(() => transport.close({ deadlineMs: 1_000 }));
      const witness = createWitness();
      await transport.subscribe([topic], witness.receive(), { group: 'conformance', from: 'earliest' });
      return {
        ...{ database: under.database, notATransaction: under.notATransaction, transport, topic, witness },
        outbox: (options) => {
          const outbox = under.outbox({ runtime, ...options });
          bench.onEnd(() => outbox.close());
          return outbox;
        },
        relay: (options) => {
          const relay = under.relay({ transport, runtime, ...options });
          bench.onEnd(() => relay.close({ deadlineMs: 1_000 }));
          return relay;
        },
      };
    },
  };
};

/** A transport that does something else when it publishes. */
export const publishingAs = (
  transport: Transport,
  publish: (topic: string, messages: readonly Message[]) => Promise<void>,
): Transport => ({ ...transport, publish });
