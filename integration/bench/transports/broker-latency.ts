import { ack, createPublisher } from '@holdfast/core';
import { createOutbox, createOutboxRelay } from '@holdfast/outbox';
import { quantile } from 'simple-statistics';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { callTimes } from '../harness/load.ts';
import { OrderPlaced, order } from '../world/contract.ts';
import { openWorld } from '../world/world.ts';
import { type BrokerWorld, group } from './broker-world.ts';

const rate = 200;
const customers = 1_000;

export interface BrokerLatency {
  readonly row: number;
  readonly broker: string;
  readonly open: () => Promise<BrokerWorld>;
}

/** How long a message is on its way from a transaction to its handler, beside one that was published directly. */
export const brokerLatency = ({ row, broker, open }: BrokerLatency): Benchmark => ({
  row,
  group: 'transports',
  ours: `${broker}: from the begin of the transaction that adds a message to its handler, 200 messages/s`,
  beside: 'from `publish` to the handler, with no outbox',
  explains:
    'Messages arrive at 200 a second whether or not the earlier ones are through. Ours is begin, insert, commit, the wake-up, ' +
    'the fetch, the publish and the delivery; beside it are the publish and the delivery alone.',
  measures: [
    { name: 'p50', unit: 'ms', compare: 'ratio', bound: 'at most', gate: 3, goal: 1.5 },
    { name: 'p99', unit: 'ms', compare: 'ratio', bound: 'at most', gate: 3, goal: 1.5 },
  ],
  rounds: [5, 3],
  open: async (scene) => {
    const { database, close } = await openWorld(scene.server, 40);
    const world = await open();
    await world.empty();
    const transport = world.open();
    const publisher = createPublisher(transport);
    const outbox = createOutbox(database);
    const relay = createOutboxRelay({ database, transport });
    await relay.start();
    const waiting = new Map<string, () => void>();
    const handled = (id: string): Promise<void> => new Promise((resolve) => waiting.set(id, resolve));
    await transport.subscribe(
      [world.topic],
      async ({ message: { id } }) => {
        waiting.get(id)?.();
        waiting.delete(id);
        return ack;
      },
      { group, from: 'latest' },
    );
    const durationMs = scene.size(5_000, 2_000);

    const measure = async (send: (id: string) => Promise<unknown>): Promise<readonly number[]> => {
      const work = async (): Promise<void> => {
        const id = crypto.randomUUID();
        await Promise.all([handled(id), send(id)]);
      };
      const times = await callTimes({ perSecond: rate, durationMs, work });
      return [quantile([...times], 0.5), quantile([...times], 0.99)];
    };
    const anyOrder = () => order(Math.floor(Math.random() * customers));
    const ours = () => measure((id) => outbox.transaction((tx) => outbox.add(tx, OrderPlaced, anyOrder(), { id })));
    const beside = () => measure((id) => publisher.publish(OrderPlaced, anyOrder(), { id }));
    await beside();
    return {
      round: interleaved(ours, beside),
      close: async () => {
        await relay.close();
        await outbox.close();
        await world.close();
        await close();
      },
    };
  },
});
