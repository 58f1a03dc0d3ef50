import { createOutboxRelay } from '@holdfast/outbox';
import { type Benchmark, interleaved, type Measure } from '../harness/benchmark.ts';
import { perSecond } from '../harness/load.ts';
import { addBacklog } from '../world/backlog.ts';
import { openWorld } from '../world/world.ts';
import type { BrokerWorld } from './broker-world.ts';
import { makeBatches } from './make-messages.ts';

const batchSize = 500;
/** As many batches on their way as the relay has shards. */
const atOnce = 4;

export interface BrokerRelay {
  readonly row: number;
  readonly gate: Measure['gate'];
  readonly broker: string;
  /** Where the messages go, for the page. */
  readonly into: string;
  /** What ours does besides, for the page. */
  readonly costs: string;
  readonly messages: readonly [full: number, quick: number];
  readonly rounds: Benchmark['rounds'];
  readonly open: () => Promise<BrokerWorld>;
}

/** How fast the relay empties the outbox into a broker, beside a publisher that has no database. */
export const brokerRelay = ({ row, gate, broker, into, costs, messages, rounds, open }: BrokerRelay): Benchmark => ({
  row,
  group: 'transports',
  ours: `${broker}: the outbox relay, in the order of keys, its deletes fenced by a lease`,
  beside: 'publishing as many messages of the same size through the same transport, with no database',
  explains:
    `A backlog of 500-byte messages over 1,000 keys goes from the outbox to ${into}. Beside it four loops publish ` +
    `batches of the same size. The distance is what ${costs} cost.`,
  measures: [{ name: 'relayed', unit: '/s', compare: 'ratio', bound: 'at least', gate, goal: 0.95 }],
  rounds,
  open: async (scene) => {
    const { pool, database, close } = await openWorld(scene.server);
    const world = await open();
    const count = scene.size(...messages);
    const batches = makeBatches(count, batchSize);
    const transport = world.open();

    const ours = async (): Promise<readonly number[]> => {
      await world.empty();
      await addBacklog(pool, { rows: count, keys: 1_000, bodyBytes: 500 });
      const relay = createOutboxRelay({ database, transport, batchSize });
      const rate = await perSecond(count, () => relay.runOnce());
      await relay.close();
      const { groups } = await transport.topology.describe(world.topic);
      if (groups[0]?.lag !== count) throw new Error(`${groups[0]?.lag} messages arrived; expected ${count}`);
      return [rate];
    };
    const beside = async (): Promise<readonly number[]> => {
      await world.empty();
      const left = batches.values();
      const publish = async (): Promise<void> => {
        for (const batch of left) await transport.publish(world.topic, batch);
      };
      return [await perSecond(count, () => Promise.all(Array.from({ length: atOnce }, publish)))];
    };
    return {
      round: interleaved(ours, beside),
      close: async () => {
        await world.close();
        await close();
      },
    };
  },
});
