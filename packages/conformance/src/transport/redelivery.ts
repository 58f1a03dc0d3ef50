import assert from 'node:assert/strict';
import { ack, type Settlement } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

/** P2: a message leaves its group by an ack only. */
export const redelivery: readonly TestCase<TransportBench>[] = [
  {
    name: 'P2: a message without a settlement is delivered again after its subscription was closed',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport);
      const [first, second] = [createWitness(), createWitness()];
      const gate = bench.gate();
      const receive = first.receive(() => gate.pass().then(() => ack));
      const subscription = await bench.subscribe(transport, [topic], receive, { group });
      await transport.publish(topic, messagesOf(3, 3));
      await bench.eventually(() => assert.equal(first.running, 3));
      await subscription.close({ deadlineMs: 50 });
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await bench.eventually(() => assert.deepEqual([...second.acked].sort(), ['m0', 'm1', 'm2']));
    },
  },
  {
    name: 'P2: a slow early message is delivered again although later ones were acked',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1 });
      const [first, second] = [createWitness(), createWitness()];
      const gate = bench.gate();
      const receive = first.receive(({ message }) => (message.id === 'slow' ? gate.pass().then(() => ack) : ack));
      const subscription = await bench.subscribe(transport, [topic], receive, { group });
      await transport.publish(topic, [messageOf('first', 'a'), messageOf('slow', 'b'), ...messagesOf(10, 3)]);
      await bench.eventually(() => assert.equal(first.acked.length, 11));
      await subscription.close({ deadlineMs: 50 });
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await bench.eventually(() => assert.ok(second.acked.includes('slow')));
      assert.ok(!second.ids.includes('first'), 'what was acked before the slow one came again');
    },
  },
  {
    name: 'P2: a message that waits for its retry is delivered again after a close',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport);
      const [first, second] = [createWitness(), createWitness()];
      const later: Settlement = { outcome: 'retry', delayMs: 600_000, spent: true };
      const subscription = await bench.subscribe(
        transport,
        [topic],
        first.receive(() => later),
        { group },
      );
      await transport.publish(topic, [messageOf('a', 'k'), messageOf('b', 'k')]);
      await bench.eventually(() => assert.deepEqual(first.ids, ['a']));
      await subscription.close();
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await bench.eventually(() => assert.deepEqual(second.acked, ['a', 'b']));
    },
  },
  {
    name: 'P2: a message without a key that waits for the longest retry is delivered again after a close',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport);
      const [first, second] = [createWitness(), createWitness()];
      const later: Settlement = { outcome: 'retry', delayMs: bench.capabilities.maxHoldMs, spent: true };
      const subscription = await bench.subscribe(
        transport,
        [topic],
        first.receive(() => later),
        { group },
      );
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.deepEqual(first.ids, ['a']));
      await subscription.close();
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await bench.eventually(() => assert.deepEqual(second.acked, ['a']));
    },
  },
  {
    name: 'P2: a receive that throws is no ack: the message comes again',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const receive = witness.receive(({ attempt }) => {
        if (attempt === 1) throw new Error('a receiver must not throw');
        return ack;
      });
      await bench.subscribe(transport, [topic], receive);
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      assert.deepEqual(witness.ids, ['a', 'a']);
    },
  },
  {
    name: 'P2: what was acked does not come again to a later subscription',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1 });
      const [first, second] = [createWitness(), createWitness()];
      const subscription = await bench.subscribe(transport, [topic], first.receive(), { group });
      await transport.publish(topic, messagesOf(50, 5));
      await bench.eventually(() => assert.equal(first.acked.length, 50));
      await subscription.close();
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await transport.publish(topic, [messageOf('marker')]);
      await bench.eventually(() => assert.deepEqual(second.acked, ['marker']));
      assert.deepEqual(second.ids, ['marker']);
    },
  },
  {
    name: 'P2: nothing is lost while one subscription after another takes a part and closes',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { groups: { [group]: 'latest' } });
      const messages = messagesOf(200, 11);
      await transport.publish(topic, messages);
      const witness = createWitness();
      for (let round = 1; witness.acked.length < messages.length; round++) {
        assert.ok(round <= 20, `only ${witness.acked.length} of ${messages.length} came in 20 rounds`);
        const reader = await bench.open();
        await reader.subscribe([topic], witness.receive(), { group, from: 'latest', concurrency: 4 });
        const enough = Math.min(messages.length, round * 40);
        await bench.eventually(() => assert.ok(witness.acked.length >= enough, `${witness.acked.length} of ${enough}`));
        await reader.close();
      }
      assert.deepEqual([...witness.acked].sort(), messages.map(({ id }) => id).sort());
    },
  },
];
