import assert from 'node:assert/strict';
import { ack, type Settlement } from '@holdfast/core';
import { deadHeaderNames } from '@holdfast/flow';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const poison: Settlement = { outcome: 'reject', reason: 'poison' };

/** P8: one failure stays one failure. */
export const failures: readonly TestCase<TransportBench>[] = [
  {
    name: 'P8: a poison message that is retried for ever holds up only its own key',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const again: Settlement = { outcome: 'retry', delayMs: 5, spent: true };
      const receive = witness.receive(({ message }) => (message.id === 'poison' ? again : ack));
      await bench.subscribe(transport, [topic], receive, { concurrency: 2 });
      const behind = messageOf('behind', 'bad');
      await transport.publish(topic, [messageOf('poison', 'bad'), behind, ...messagesOf(100, 10)]);
      await bench.eventually(() => assert.equal(witness.acked.length, 100));
      assert.ok(!witness.ids.includes('behind'), 'a message overtook the poison one of its key');
    },
  },
  {
    name: 'P8: a rejected message goes to the dead topic with its reason and history, and leaves the group',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport);
      const [witness, undertaker] = [createWitness(), createWitness()];
      const receive = witness.receive(({ message, attempt }) => {
        if (message.id !== 'bad') return ack;
        return attempt === 1 ? { outcome: 'retry', delayMs: 1, spent: true } : poison;
      });
      const subscription = await bench.subscribe(transport, [topic], receive, { group });
      await bench.subscribe(transport, [`${topic}.dead`], undertaker.receive());
      const bad = messageOf('bad', 'k');
      await transport.publish(topic, [bad, messageOf('good', 'k')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['good']));
      await bench.eventually(() => assert.deepEqual(undertaker.acked, ['bad']));
      const letter = undertaker.sightings[0]?.delivery.message;
      const { partition, position } = witness.sightings[0]?.delivery ?? {};
      assert.deepEqual([letter?.id, letter?.type, letter?.key], [bad.id, bad.type, bad.key]);
      assert.deepEqual([...(letter?.body ?? [])], [...bad.body]);
      const { [deadHeaderNames.time]: time, ...headers } = letter?.headers ?? {};
      assert.deepEqual(headers, {
        ...bad.headers,
        [deadHeaderNames.reason]: 'poison',
        [deadHeaderNames.topic]: topic,
        [deadHeaderNames.partition]: String(partition),
        [deadHeaderNames.position]: position,
        [deadHeaderNames.group]: group,
        [deadHeaderNames.attempts]: '2',
      });
      assert.ok(!Number.isNaN(Date.parse(time ?? '')));
      await subscription.close();
      const later = createWitness();
      await bench.subscribe(transport, [topic], later.receive(), { group });
      await transport.publish(topic, [messageOf('marker', 'k')]);
      await bench.eventually(() => assert.deepEqual(later.acked, ['marker']));
      assert.deepEqual(later.ids, ['marker']);
    },
  },
  {
    name: 'P2: a dead letter that is rejected stays in the dead topic, and comes to the next subscription of its group',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('undertakers');
      const topic = await bench.topic(transport);
      const [witness, undertaker, next] = [createWitness(), createWitness(), createWitness()];
      const rejecting = witness.receive(() => poison);
      await bench.subscribe(transport, [topic], rejecting);
      const burying = undertaker.receive(() => poison);
      const subscription = await bench.subscribe(transport, [`${topic}.dead`], burying, { group });
      await transport.publish(topic, [messageOf('bad', 'k')]);
      await bench.eventually(() => assert.deepEqual(undertaker.ids, ['bad']));
      await subscription.close();
      await bench.subscribe(transport, [`${topic}.dead`], next.receive(), { group });
      await bench.eventually(() => assert.deepEqual(next.acked, ['bad']));
    },
  },
  {
    name: 'P8: other groups do not see that one has rejected a message',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const [rejecting, other] = [createWitness(), createWitness()];
      await bench.subscribe(
        transport,
        [topic],
        rejecting.receive(() => poison),
      );
      await bench.subscribe(transport, [topic], other.receive());
      await transport.publish(topic, messagesOf(5, 2));
      await bench.eventually(() => assert.equal(other.acked.length, 5));
      await bench.eventually(() => assert.equal(rejecting.ids.length, 5));
    },
  },
  {
    name: 'P6: a dead letter is counted',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      await bench.subscribe(
        transport,
        [topic],
        createWitness().receive(() => poison),
      );
      await transport.publish(topic, messagesOf(3, 3));
      await bench.eventually(() => {
        const counted = bench.recorder.metrics.filter(
          ({ name, attributes }) => name === 'holdfast.intake.dead_letters' && attributes.topic === topic,
        );
        assert.equal(
          counted.reduce((sum, { value }) => sum + value, 0),
          3,
        );
      });
    },
  },
];
