import assert from 'node:assert/strict';
import { ack } from '@holdfast/core';
import { throughout } from '../eventually.ts';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const quietMs = 100;

/** P5: pressure reaches the source. */
export const pausing: readonly TestCase<TransportBench>[] = [
  {
    name: 'P5: a paused subscription is handed nothing until every reason has been resumed',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const [paused, other] = [createWitness(), createWitness()];
      const subscription = await bench.subscribe(transport, [topic], paused.receive());
      await bench.subscribe(transport, [topic], other.receive());
      subscription.pause('breaker');
      subscription.pause('breaker');
      subscription.pause('operator');
      await transport.publish(topic, messagesOf(10, 5));
      await bench.eventually(() => assert.equal(other.acked.length, 10));
      subscription.resume('breaker');
      await throughout(() => assert.equal(paused.ids.length, 0), quietMs);
      subscription.resume('operator');
      await bench.eventually(() => assert.equal(paused.acked.length, 10));
    },
  },
  {
    name: 'P5: what runs when the pause comes may end and settle',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      const gate = bench.gate();
      const receive = witness.receive(() => gate.pass().then(() => ack));
      const subscription = await bench.subscribe(transport, [topic], receive, { group });
      await transport.publish(topic, [messageOf('a', 'k'), messageOf('b', 'k')]);
      await bench.eventually(() => assert.equal(witness.running, 1));
      subscription.pause('operator');
      gate.open();
      await bench.eventually(async () => {
        const { groups } = await transport.topology.describe(topic);
        assert.deepEqual(groups, [{ group, lag: 1 }]);
      });
      assert.deepEqual(witness.ids, ['a']);
      subscription.resume('operator');
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a', 'b']));
    },
  },
  {
    name: 'P5: a paused subscription stays in its group and keeps its partitions',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      let revoked = 0;
      const onRevoked = (): void => {
        revoked++;
      };
      const subscription = await bench.subscribe(transport, [topic], createWitness().receive(), { onRevoked });
      const before = subscription.assignments;
      subscription.pause('operator');
      await throughout(() => assert.deepEqual(subscription.assignments, before), quietMs);
      assert.equal(revoked, 0);
    },
  },
];
