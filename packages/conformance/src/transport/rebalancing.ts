import assert from 'node:assert/strict';
import { ack, type Message, type Subscription, sleep, systemClock, type Transport } from '@holdfast/core';
import { throughout } from '../eventually.ts';
import { messageOf } from '../message-of.ts';
import { orderFaults } from '../order.ts';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness, type Witness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const briefly = (mostMs: number): Promise<void> => sleep(systemClock, random() * mostMs);

/** P3: several subscriptions of one group. */
export const rebalancing: readonly TestCase<TransportBench>[] = [
  {
    name: 'P3: the subscriptions of a group share the partitions evenly, each owned once',
    run: async (bench) => {
      const transports = [await bench.open(), await bench.open(), await bench.open()];
      const group = bench.name('group');
      const topic = await bench.topic(await bench.open(), { partitions: 6, groups: { [group]: 'latest' } });
      const witness = createWitness();
      const subscriptions: Subscription[] = [];
      for (const transport of transports) {
        subscriptions.push(await transport.subscribe([topic], witness.receive(), { group, from: 'latest' }));
      }
      await bench.eventually(() => assert.deepEqual(sharesOf(subscriptions), [2, 2, 2]));
      await bench.eventually(() => assert.deepEqual(partitionsOf(subscriptions), [0, 1, 2, 3, 4, 5]));
      await subscriptions[1]?.close();
      await bench.eventually(() => assert.deepEqual(sharesOf(subscriptions), [3, 0, 3]));
      await bench.eventually(() => assert.deepEqual(partitionsOf(subscriptions), [0, 1, 2, 3, 4, 5]));
    },
  },
  {
    name: 'P3: two subscriptions of one transport share the partitions too',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 4 });
      const witness = createWitness();
      const options = { group, from: 'latest' } as const;
      const subscriptions = [
        await transport.subscribe([topic], witness.receive(), options),
        await transport.subscribe([topic], witness.receive(), options),
      ];
      await bench.eventually(() => assert.deepEqual(sharesOf(subscriptions), [2, 2]));
    },
  },
  {
    name: 'P3: a partition goes to a new owner only after the old one has drained it',
    run: async (bench) => {
      const [one, two] = [await bench.open(), await bench.open()];
      const group = bench.name('group');
      const topic = await bench.topic(one, { partitions: 2 });
      const witness = createWitness();
      const gate = bench.gate();
      const keys = ['key-0', 'key-1', 'key-2', 'key-3', 'key-4', 'key-5', 'key-6', 'key-7'];
      await bench.subscribe(
        one,
        [topic],
        witness.receive(() => gate.pass().then(() => ack)),
        { group },
      );
      const messages = ['first', 'second'].flatMap((round) => keys.map((key) => messageOf(`${round}-${key}`, key)));
      await one.publish(topic, messages);
      await bench.eventually(() => assert.equal(witness.running, keys.length));
      const second = await two.subscribe([topic], witness.receive(), { group, from: 'latest' });
      await throughout(() => {
        assert.deepEqual(second.assignments, [], 'the newcomer got a partition whose deliveries still run');
        assert.equal(witness.ids.length, keys.length);
      }, 300);
      gate.open();
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
      await bench.eventually(() => assert.equal(second.assignments.length, 1));
      assert.deepEqual(orderFaults(messages, witness.history), []);
    },
  },
  {
    name: 'P3: order holds and nothing is lost while subscriptions join and leave under load',
    run: async (bench) => {
      const publisher = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(publisher, { partitions: 6, groups: { [group]: 'latest' } });
      const witness = createWitness();
      const sent: Message[] = [];
      const publishing = publishFor(publisher, topic, sent);
      await joinAndLeave({ bench, topic, group, witness });
      publishing.stop();
      await publishing.done;
      await bench.subscribe(await bench.open(), [topic], witness.receive(), { group });
      await bench.eventually(() => assert.equal(witness.acked.length, sent.length));
      assert.deepEqual(orderFaults(sent, witness.history), []);
      assert.ok(new Set(witness.sightings.map(({ delivery }) => delivery.token)).size > 1, 'nothing was rebalanced');
    },
  },
];

const sharesOf = (subscriptions: readonly Subscription[]): number[] =>
  subscriptions.map(({ assignments }) => assignments.length);

const partitionsOf = (subscriptions: readonly Subscription[]): number[] =>
  subscriptions.flatMap(({ assignments }) => assignments.map(({ partition }) => partition)).sort();

/** Publishes small batches of twelve keys until it is stopped. `sent` has what was stored, in order of the calls. */
const publishFor = (
  transport: Transport,
  topic: string,
  sent: Message[],
): { readonly stop: () => void; readonly done: Promise<void> } => {
  let stopped = false;
  const run = async (): Promise<void> => {
    while (!stopped) {
      const batch = Array.from({ length: 6 }, (_, n) =>
        messageOf(`m${sent.length + n}`, `key-${(sent.length + n) % 12}`),
      );
      await transport.publish(topic, batch);
      sent.push(...batch);
      await briefly(8);
    }
  };
  return {
    stop: () => {
      stopped = true;
    },
    done: run(),
  };
};

interface Churn {
  readonly bench: TransportBench;
  readonly topic: string;
  readonly group: string;
  readonly witness: Witness;
}

/** Five subscriptions come one after another; each goes when two more have come and everybody has had something to do. */
const joinAndLeave = async ({ bench, topic, group, witness }: Churn): Promise<void> => {
  const joined: Transport[] = [];
  for (let round = 0; round < 5; round++) {
    const transport = await bench.open();
    joined.push(transport);
    const before = witness.acked.length;
    const receive = witness.receive(() => briefly(6).then(() => ack));
    await bench.subscribe(transport, [topic], receive, { group, concurrency: 4 });
    await bench.eventually(() => assert.ok(witness.acked.length >= before + 20, 'the group stands still'));
    if (joined.length > 2) await joined.shift()?.close();
  }
  await Promise.all(joined.map((transport) => transport.close()));
};
