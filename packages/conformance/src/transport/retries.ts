import assert from 'node:assert/strict';
import { ack, type Settlement } from '@holdfast/core';
import { messageOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

/** Timers may fire a little early on some clocks. */
const toleranceMs = 2;

/** P3: what a `retry` settlement does. */
export const retries: readonly TestCase<TransportBench>[] = [
  {
    name: 'P3: a retry comes not before its delay, and counts its attempts',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const delayMs = 120;
      const receive = witness.receive(({ attempt }) =>
        attempt < 3 ? { outcome: 'retry', delayMs, spent: true } : ack,
      );
      await bench.subscribe(transport, [topic], receive);
      await transport.publish(topic, [messageOf('a', 'k')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      assert.deepEqual(
        witness.sightings.map(({ delivery }) => delivery.attempt),
        [1, 2, 3],
      );
      for (const [index, { startedMs }] of witness.sightings.entries()) {
        const waitedMs = startedMs - (witness.sightings[index - 1]?.startedMs ?? Number.NEGATIVE_INFINITY);
        assert.ok(
          waitedMs >= delayMs - toleranceMs,
          `attempt ${index + 1} came after ${waitedMs} ms, before ${delayMs}`,
        );
      }
    },
  },
  {
    name: 'P3: a retry that is not spent does not count an attempt',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const outcomes: Settlement[] = [
        { outcome: 'retry', delayMs: 1, spent: false },
        { outcome: 'retry', delayMs: 1, spent: true },
        { outcome: 'retry', delayMs: 1, spent: false },
      ];
      await bench.subscribe(
        transport,
        [topic],
        witness.receive(() => outcomes.shift() ?? ack),
      );
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      assert.deepEqual(
        witness.sightings.map(({ delivery }) => delivery.attempt),
        [1, 1, 2, 2],
      );
    },
  },
  {
    name: 'P3: a copy of a retried message is the same message',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const receive = witness.receive(({ attempt }) =>
        attempt === 1 ? { outcome: 'retry', delayMs: 1, spent: true } : ack,
      );
      await bench.subscribe(transport, [topic], receive);
      await transport.publish(topic, [messageOf('a', 'k')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      const [first, second] = witness.sightings.map(({ delivery }) => delivery);
      assert.deepEqual(second?.message, first?.message);
      assert.deepEqual(
        [second?.topic, second?.partition, second?.position],
        [topic, first?.partition, first?.position],
      );
    },
  },
];
