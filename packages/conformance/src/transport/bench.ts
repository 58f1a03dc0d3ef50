import assert from 'node:assert/strict';
import type {
  Capabilities,
  Receive,
  Runtime,
  StartPosition,
  SubscribeOptions,
  Subscription,
  Transport,
} from '@holdfast/core';
import { type Bench, createBench } from '../bench.ts';

/** What a test of a transport works with. */
export interface TransportBench extends Bench {
  readonly capabilities: Capabilities;
  /** A new transport onto the broker under test. */
  open(): Promise<Transport>;
  /** A new topic; `groups` exist in it before the first message. */
  topic(transport: Transport, options?: TopicOptions): Promise<string>;
  /** A subscription that has its share of the partitions. Default: a group of its own, from the latest. */
  subscribe(
    transport: Transport,
    topics: readonly string[],
    receive: Receive,
    options?: Partial<SubscribeOptions>,
  ): Promise<Subscription>;
}

export interface TopicOptions {
  /** Default 4. */
  readonly partitions?: number;
  readonly groups?: Readonly<Record<string, StartPosition>>;
}

export interface BenchOptions {
  readonly create: (runtime: Runtime) => Promise<Transport> | Transport;
  readonly capabilities: Capabilities;
  readonly patienceMs: number;
}

export const createTransportBench = ({ create, capabilities, patienceMs }: BenchOptions): TransportBench => {
  const bench = createBench(patienceMs);
  return {
    ...bench,
    capabilities,
    open: async () => {
      const transport = await create(bench.recorder.runtime);
      bench.onEnd(() => transport.close({ deadlineMs: 1_000 }));
      return transport;
    },
    topic: async (transport, { partitions = 4, groups = {} } = {}) => {
      const topic = bench.name('topic');
      await transport.topology.apply({ topics: { [topic]: { partitions, groups } } });
      return topic;
    },
    subscribe: async (transport, topics, receive, options = {}) => {
      const subscription = await transport.subscribe(topics, receive, {
        group: bench.name('group'),
        from: 'latest',
        ...options,
      });
      await bench.eventually(() =>
        assert.ok(subscription.health().ready, 'the subscription never had its share of the partitions'),
      );
      return subscription;
    },
  };
};
