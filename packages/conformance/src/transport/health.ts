import assert from 'node:assert/strict';
import { ack } from '@holdfast/core';
import { messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

/** P6: a subscription says how it is. */
export const health: readonly TestCase<TransportBench>[] = [
  {
    name: 'P6: a subscription is live and ready once it has its share, and neither after its close',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const subscription = await bench.subscribe(transport, [topic], createWitness().receive());
      assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] });
      await subscription.close();
      const after = subscription.health();
      assert.deepEqual([after.live, after.ready], [false, false]);
      assert.ok(after.reasons.length > 0, 'it does not say why');
    },
  },
  {
    name: 'P6: a subscription without its share is not ready and says why',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const gate = bench.gate();
      const subscription = await transport.subscribe([topic], createWitness().receive(), {
        group: bench.name('group'),
        from: 'latest',
        onAssigned: () => gate.pass(),
      });
      const before = subscription.health();
      assert.equal(before.ready, false);
      assert.ok(before.reasons.length > 0, 'it does not say why');
      gate.open();
      await bench.eventually(() => assert.equal(subscription.health().ready, true));
    },
  },
  {
    name: 'P6: a subscription is not ready while another one still drains its share',
    run: async (bench) => {
      const [one, two] = [await bench.open(), await bench.open()];
      const group = bench.name('group');
      const topic = await bench.topic(one, { partitions: 2 });
      const witness = createWitness();
      const gate = bench.gate();
      await bench.subscribe(
        one,
        [topic],
        witness.receive(() => gate.pass().then(() => ack)),
        { group },
      );
      await one.publish(topic, messagesOf(12, 12));
      await bench.eventually(() => assert.equal(witness.running, 12));
      const newcomer = await two.subscribe([topic], witness.receive(), { group, from: 'latest' });
      await bench.eventually(() => assert.equal(newcomer.health().ready, false));
      gate.open();
      await bench.eventually(() => assert.equal(newcomer.health().ready, true));
      assert.equal(newcomer.assignments.length, 1);
    },
  },
  {
    name: 'P6: a paused subscription says each reason',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const subscription = await bench.subscribe(transport, [topic], createWitness().receive());
      subscription.pause('the breaker is open');
      subscription.pause('an operator asked');
      const reasons = subscription.health().reasons.join('\n');
      assert.match(reasons, /the breaker is open/);
      assert.match(reasons, /an operator asked/);
      assert.equal(subscription.health().live, true);
      subscription.resume('the breaker is open');
      subscription.resume('an operator asked');
      assert.deepEqual(subscription.health().reasons, []);
    },
  },
];
