import assert from 'node:assert/strict';
import { ack } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';
import { checkTold, toldOf } from './outcomes.ts';

/** P7: a clean close of a transport. */
export const closingTransports: readonly TestCase<TransportBench>[] = [
  {
    name: 'P7: a transport that closes ends the publishes under way, and their outcomes are true',
    run: async (bench) => {
      const [publisher, subscriber] = [await bench.open(), await bench.open()];
      const topic = await bench.topic(publisher, { partitions: 1 });
      const witness = createWitness();
      await bench.subscribe(subscriber, [topic], witness.receive());
      const messages = messagesOf(200, 5);
      const published = messages.map((message) => toldOf(publisher.publish(topic, [message]), [message]));
      await publisher.close();
      const told = (await Promise.all(published)).flat();
      await checkTold({ bench, transport: subscriber, topic, witness }, told);
    },
  },
  {
    name: 'P7: a transport that closes aborts, by its deadline, the signals of what still runs',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const gate = bench.gate();
      const receive = witness.receive(() => gate.pass().then(() => ack));
      await bench.subscribe(transport, [topic], receive);
      await transport.publish(topic, messagesOf(2, 2));
      await bench.eventually(() => assert.equal(witness.running, 2));
      await transport.close({ deadlineMs: 300 });
      assert.deepEqual(
        witness.sightings.map(({ delivery }) => delivery.signal.aborted),
        [true, true],
      );
    },
  },
  {
    name: 'P7: a transport that closes lets what it is handling publish',
    run: async (bench) => {
      const [transport, other] = [await bench.open(), await bench.open()];
      const [topic, follow] = [await bench.topic(transport), await bench.topic(other)];
      const [witness, follower] = [createWitness(), createWitness()];
      const gate = bench.gate();
      await bench.subscribe(other, [follow], follower.receive());
      const receive = witness.receive(async () => {
        await gate.pass();
        await transport.publish(follow, [messageOf('followed')]);
        return ack;
      });
      await bench.subscribe(transport, [topic], receive);
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.equal(witness.running, 1));
      const closing = transport.close();
      gate.open();
      await closing;
      assert.deepEqual(witness.acked, ['a']);
      await bench.eventually(() => assert.deepEqual(follower.acked, ['followed']));
    },
  },
  {
    name: 'P7: closing one transport leaves the others alone',
    run: async (bench) => {
      const [one, two] = [await bench.open(), await bench.open()];
      const topic = await bench.topic(one);
      const witness = createWitness();
      await bench.subscribe(two, [topic], witness.receive());
      await one.close();
      await two.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
    },
  },
];
