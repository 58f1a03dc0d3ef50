import { spawnChild } from '../../harness/index.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import type { BrokerWorld } from './broker-world.ts';
import { makeMessages } from './make-messages.ts';

const heap = '--max-old-space-size=48';
const window = 1_000;
const consumed = 50_000;
/** Published at once. */
const portion = 10_000;

export interface BrokerMemory {
  readonly row: number;
  readonly broker: 'Kafka' | 'RabbitMQ' | 'Redis';
  readonly open: () => Promise<BrokerWorld>;
}

/** What a consumer's memory has to do with how much waits on its broker. */
export const brokerMemory = ({ row, broker, open }: BrokerMemory): Benchmark => ({
  row,
  group: 'transports',
  ours: `${broker}: a consumer’s peak memory above the same process at rest, 1,000,000 messages waiting, \`${heap}\``,
  beside: '50,000 waiting',
  explains:
    'The consumer is held up for three seconds with its window of 1,000 full, then consumes 50,000 messages of 500 bytes. The ' +
    'first number is what the window, replies on their way and garbage take; the second is what twenty times the backlog adds. ' +
    'More than `maxInFlight` handed out at any moment fails the run.',
  measures: [
    { name: 'peak above idle', unit: 'MiB', compare: 'alone', bound: 'at most', gate: 120, goal: 60 },
    { name: 'peak', unit: 'MiB', compare: 'difference', bound: 'at most', gate: 16, goal: 8 },
  ],
  rounds: [1, 1],
  open: async (scene) => {
    const world = await open();
    const many = scene.size(1_000_000, 200_000);
    return {
      round: async () => {
        const beside = await peakMiB(broker, world, consumed);
        const ours = await peakMiB(broker, world, many);
        return [
          { ours, beside: Number.NaN },
          { ours, beside },
        ];
      },
      close: world.close,
    };
  },
});

/** Of a process that consumes while so many messages wait, above what it takes before. */
const peakMiB = async (broker: string, world: BrokerWorld, waiting: number): Promise<number> => {
  await world.empty();
  await fill(world, waiting);
  const child = spawnChild(
    new URL('../children/broker-memory.ts', import.meta.url),
    [broker, world.address, String(consumed)],
    { NODE_OPTIONS: heap },
  );
  const { mostOutstanding, idleMiB, peakMiB } = await child.saw((line) => 'peakMiB' in line, 300_000);
  await child.close();
  if (Number(mostOutstanding) > window) {
    throw new Error(`${mostOutstanding} messages were handed out at once; the window is ${window}`);
  }
  return Number(peakMiB) - Number(idleMiB);
};

const fill = async ({ topic, open }: BrokerWorld, count: number): Promise<void> => {
  const transport = open();
  for (let sent = 0; sent < count; sent += portion) {
    const messages = makeMessages(Math.min(portion, count - sent));
    const batches = Array.from({ length: 20 }, (_, n) => messages.slice((n * portion) / 20, ((n + 1) * portion) / 20));
    await Promise.all(batches.map((batch) => transport.publish(topic, batch)));
  }
  await transport.close();
};
