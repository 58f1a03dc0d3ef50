import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  type Capabilities,
  type Receive,
  type Runtime,
  type StartPosition,
  type SubscribeOptions,
  type Subscription,
  systemClock,
  type Transport,
} from '@holdfast/core';
import { eventually } from '../eventually.ts';
import { createGate, type Gate } from '../gate.ts';
import { createRecorder, type Recorder } from '../recorder.ts';

/** What a test of a transport works with. Everything it hands out is closed after the test, passed or failed. */
export interface TransportBench {
  readonly capabilities: Capabilities;
  /** What the transports of the test logged and counted. */
  readonly recorder: Recorder;
  /** A new transport onto the broker under test. */
  open(): Promise<Transport>;
  /** A new topic; `groups` exist in it before the first message. */
  topic(transport: Transport, options?: TopicOptions): Promise<string>;
  /** A name that nobody else uses. */
  name(label: string): string;
  /** A subscription that has its share of the partitions. Default: a group of its own, from the latest. */
  subscribe(
    transport: Transport,
    topics: readonly string[],
    receive: Receive,
    options?: Partial<SubscribeOptions>,
  ): Promise<Subscription>;
  /** A gate that opens at the latest when the test ends. */
  gate(): Gate;
  /** Repeats an assertion until it holds, as long as the adapter under test may need. */
  eventually(assertion: () => Promise<void> | void): Promise<void>;
  /** Runs when the test ends. */
  onEnd(action: () => Promise<void> | void): void;
  cleanUp(): Promise<void>;
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
  const recorder = createRecorder();
  const endings: (() => Promise<void> | void)[] = [];
  let names = 0;
  const onEnd = (action: () => Promise<void> | void): void => {
    endings.push(action);
  };
  const patiently = (assertion: () => Promise<void> | void): Promise<void> =>
    eventually(assertion, { timeoutMs: patienceMs });

  const bench: TransportBench = {
    capabilities,
    recorder,
    onEnd,
    eventually: patiently,
    name: (label) => `${label}-${++names}-${randomUUID().slice(0, 8)}`,
    open: async () => {
      const transport = await create(recorder.runtime);
      onEnd(() => transport.close({ deadlineMs: 1_000 }));
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
      await patiently(() =>
        assert.ok(subscription.health().ready, 'the subscription never had its share of the partitions'),
      );
      return subscription;
    },
    gate: () => {
      const gate = createGate();
      onEnd(gate.open);
      return gate;
    },
    cleanUp: async () => {
      const results: PromiseSettledResult<void>[] = [];
      for (const end of endings.splice(0).reverse()) results.push(...(await Promise.allSettled([endInTime(end)])));
      recorder.clear();
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
  return bench;
};

/** A close that hangs fails its own test, not the whole suite. */
const endInTime = async (end: () => Promise<void> | void): Promise<void> => {
  const limitMs = 3_000;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = systemClock.after(limitMs, () =>
    reject(new Error(`what the test opened did not close in ${limitMs} ms`)),
  );
  try {
    await Promise.race([end(), late]);
  } finally {
    cancel();
  }
};
