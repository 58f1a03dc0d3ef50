import assert from 'node:assert/strict';
import { ack, type Settlement, sleep, systemClock } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import { throughout } from '../eventually.ts';
import { heapBytes } from '../heap-bytes.ts';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const quietMs = 100;
const later: Settlement = { outcome: 'retry', delayMs: 600_000, spent: false };

/** P5: what is bounded in a subscription. */
export const bounds: readonly TestCase<TransportBench>[] = [
  {
    name: 'P5: `concurrency` deliveries run at once, never more',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const gate = bench.gate();
      const receive = witness.receive(() => gate.pass().then(() => ack));
      await bench.subscribe(transport, [topic], receive, { concurrency: 3 });
      await transport.publish(topic, messagesOf(30, 30));
      await bench.eventually(() => assert.equal(witness.running, 3));
      await throughout(() => assert.equal(witness.ids.length, 3), quietMs);
      gate.open();
      await bench.eventually(() => assert.equal(witness.acked.length, 30));
      assert.equal(witness.mostRunning, 3);
    },
  },
  {
    name: 'P5: no more than `maxInFlight` messages are out, waiting retries included',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      await bench.subscribe(
        transport,
        [topic],
        witness.receive(() => later),
        { maxInFlight: 5 },
      );
      await transport.publish(topic, messagesOf(40, 40));
      await bench.eventually(() => assert.equal(witness.ids.length, 5));
      await throughout(() => assert.equal(witness.ids.length, 5), quietMs);
    },
  },
  {
    name: 'P5: the window has a gauge, and one that stays full is a reason, of a subscription that is ready',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const gate = bench.gate();
      const receive = witness.receive(() => gate.pass().then(() => ack));
      const subscription = await bench.subscribe(transport, [topic], receive, { maxInFlight: 5 });
      await transport.publish(topic, messagesOf(40, 40));
      const gauge = (): number | undefined => bench.recorder.gauges.get('holdfast.intake.in_flight');
      await bench.eventually(() => assert.equal(gauge(), 5));
      await bench.eventually(() => assert.match(subscription.health().reasons.join(), /^paused: window full/));
      assert.equal(subscription.health().ready, true);
      gate.open();
      await bench.eventually(() => assert.equal(witness.acked.length, 40));
      await bench.eventually(() => assert.equal(gauge(), 0));
      assert.deepEqual(subscription.health().reasons, []);
    },
  },
  {
    name: 'P8: a long backlog of one partition does not starve another one',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 2 });
      const witness = createWitness();
      const options = { maxInFlight: 1, concurrency: 1 };
      // Slower than what is on its way from the broker when the subscription goes on.
      const receive = witness.receive(() => sleep(systemClock, 2).then(() => ack));
      const subscription = await bench.subscribe(transport, [topic], receive, options);
      await bench.eventually(() => assert.equal(subscription.assignments.length, 2));
      subscription.pause('until the backlog is there');
      const [one, other] = [keyIn(0, 2), keyIn(1, 2)];
      for (const key of [one, other]) {
        const backlog = Array.from({ length: 60 }, (_, n) => messageOf(`${key}/${n}`, key));
        await transport.publish(topic, backlog);
      }
      subscription.resume('until the backlog is there');
      await bench.eventually(() => assert.equal(witness.acked.length, 120));
      assert.equal(witness.mostRunning, 1);
      const half = witness.ids.slice(0, 60);
      for (const key of [one, other])
        assert.ok(
          half.some((id) => id.startsWith(`${key}/`)),
          `key '${key}' had to wait`,
        );
    },
  },
  {
    name: 'P8: past an unsettled message at most `maxInFlight` of its partition are handed over',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const receive = witness.receive(({ message }) => (message.id === 'held' ? later : ack));
      await bench.subscribe(transport, [topic], receive, { maxInFlight: 10 });
      await transport.publish(topic, [messageOf('held', 'held'), ...messagesOf(50, 50)]);
      await bench.eventually(() => assert.ok(witness.acked.length >= 9));
      await throughout(() => assert.ok(witness.acked.length <= 10, `${witness.acked.length} have passed`), quietMs);
    },
  },
  {
    name: 'P5: a backlog stays in the broker while a subscription stands still',
    pointless: ({ capabilities }) => (capabilities.durable ? undefined : 'its broker is in this process'),
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { groups: { [group]: 'latest' } });
      const bodyBytes = 65_536;
      const count = 600;
      for (let batch = 0; batch < count; batch += 20) {
        const messages = messagesOf(20, 20, `m${batch}-`);
        await transport.publish(
          topic,
          messages.map((message) => ({ ...message, body: new Uint8Array(bodyBytes) })),
        );
      }
      const witness = createWitness();
      const gate = bench.gate();
      const receive = witness.receive(() => gate.pass().then(() => ack));
      const before = heapBytes();
      await bench.subscribe(transport, [topic], receive, { group, maxInFlight: 20 });
      await bench.eventually(() => assert.equal(witness.running, 16));
      await throughout(() => {
        const grown = heapBytes() - before;
        assert.ok(grown < (count * bodyBytes) / 4, `${grown} bytes more are held`);
      }, quietMs);
    },
  },
];

/** A key of that partition. */
const keyIn = (partition: number, partitions: number): string => {
  let n = 0;
  while (partitionOf(`key-${n}`, partitions) !== partition) n++;
  return `key-${n}`;
};
