import assert from 'node:assert/strict';
import { ack, type Settlement, sleep, systemClock } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import { messageOf, messagesOf } from '../message-of.ts';
import { orderFaults } from '../order.ts';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const briefly = (mostMs: number): Promise<void> => sleep(systemClock, random() * mostMs);

/** P3: order per key within one subscription. */
export const order: readonly TestCase<TransportBench>[] = [
  {
    name: 'P3: the messages of a key come one after another while several keys run at once',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const receive = witness.receive(() => briefly(5).then(() => ack));
      await bench.subscribe(transport, [topic], receive, { concurrency: 8 });
      const messages = messagesOf(200, 10);
      await transport.publish(topic, messages);
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
      assert.deepEqual(orderFaults(messages, witness.history), []);
      assert.ok(witness.mostRunning > 1, 'nothing ran at the same time');
    },
  },
  {
    name: 'P3: order holds through retries',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const again: Settlement = { outcome: 'retry', delayMs: 5, spent: true };
      const receive = witness.receive(() => briefly(3).then(() => (random() < 0.3 ? again : ack)));
      await bench.subscribe(transport, [topic], receive);
      const messages = messagesOf(150, 8);
      await transport.publish(topic, messages);
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
      assert.deepEqual(orderFaults(messages, witness.history), []);
      assert.ok(witness.ids.length > messages.length, 'nothing was retried');
    },
  },
  {
    name: 'P3: a key waits for its retry while the other keys of its partition flow',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const later: Settlement = { outcome: 'retry', delayMs: 300, spent: true };
      const receive = witness.receive(({ message, attempt }) => (message.id === 'a' && attempt === 1 ? later : ack));
      await bench.subscribe(transport, [topic], receive, { concurrency: 1 });
      await transport.publish(topic, [messageOf('a', 'held'), messageOf('b', 'held'), messageOf('c', 'free')]);
      await bench.eventually(() => assert.equal(witness.acked.length, 3));
      assert.deepEqual(witness.acked, ['c', 'a', 'b']);
    },
  },
  {
    name: 'P3: messages without a key do not wait for one another',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const gate = bench.gate();
      await bench.subscribe(
        transport,
        [topic],
        witness.receive(() => gate.pass().then(() => ack)),
      );
      await transport.publish(topic, [messageOf('a'), messageOf('b'), messageOf('c')]);
      await bench.eventually(() => assert.equal(witness.running, 3));
    },
  },
  {
    name: "P3: with ordering 'none' the messages of a key do not wait for one another",
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const gate = bench.gate();
      const receive = witness.receive(() => gate.pass().then(() => ack));
      await bench.subscribe(transport, [topic], receive, { ordering: 'none' });
      await transport.publish(topic, messagesOf(3, 1));
      await bench.eventually(() => assert.equal(witness.running, 3));
    },
  },
  {
    name: 'P3: a message is in the partition of its key by murmur2, or of its id where it has none',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 8 });
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const odd = [messageOf('without a key'), messageOf('with an empty key', ''), messageOf('unicode', 'ключ')];
      await transport.publish(topic, [...messagesOf(40, 20), ...odd]);
      await bench.eventually(() => assert.equal(witness.acked.length, 43));
      for (const { delivery } of witness.sightings) {
        assert.equal(delivery.partition, partitionOf(delivery.message.key ?? delivery.message.id, 8));
      }
    },
  },
];
