import assert from 'node:assert/strict';
import { ack, type Settlement, sleep, systemClock } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

/** What the best of three may miss a deadline by. */
const slackMs = 150;
/** What is at once on a busy machine. */
const promptMs = 2_000;

const timed = async (work: Promise<unknown>): Promise<number> => {
  const startedMs = systemClock.monotonic();
  await work;
  return systemClock.monotonic() - startedMs;
};

/** P7: a clean close of a subscription. */
export const closing: readonly TestCase<TransportBench>[] = [
  {
    name: 'P7: close is idempotent, of a subscription and of a transport, together and after one another',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const subscription = await bench.subscribe(transport, [topic], createWitness().receive());
      await Promise.all([subscription.close(), transport.close(), subscription.close(), transport.close()]);
      await subscription.close();
      await transport.close();
      await transport[Symbol.asyncDispose]();
      await subscription.closed;
    },
  },
  {
    name: 'P7: close lets what runs end, settles it, and starts nothing new',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1 });
      const [first, second] = [createWitness(), createWitness()];
      const receive = first.receive(() => sleep(systemClock, 150).then(() => ack));
      const subscription = await bench.subscribe(transport, [topic], receive, { group, concurrency: 2 });
      await transport.publish(topic, [
        messageOf('a', 'a'),
        messageOf('b', 'b'),
        messageOf('c', 'a'),
        messageOf('d', 'd'),
      ]);
      await bench.eventually(() => assert.equal(first.running, 2));
      await subscription.close();
      assert.equal(first.running, 0);
      assert.deepEqual([...first.acked].sort(), ['a', 'b']);
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await bench.eventually(() => assert.deepEqual([...second.acked].sort(), ['c', 'd']));
      assert.deepEqual([...second.ids].sort(), ['c', 'd']);
    },
  },
  {
    name: 'P7: a handler that hangs is abandoned at the deadline: its signal aborts, and the log says so',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const gate = bench.gate();
      const deadlineMs = 200;
      const tookMs: number[] = [];
      for (const round of [1, 2, 3]) {
        const witness = createWitness();
        const subscription = await bench.subscribe(
          transport,
          [topic],
          witness.receive(() => gate.pass().then(() => ack)),
        );
        await transport.publish(topic, messagesOf(2, 2));
        await bench.eventually(() => assert.equal(witness.running, 2));
        tookMs.push(await timed(subscription.close({ deadlineMs })));
        assert.deepEqual(
          witness.sightings.map(({ delivery }) => delivery.signal.aborted),
          [true, true],
        );
        const said = bench.recorder.logs.filter(({ fields }) => 'abandoned' in fields && fields.abandoned === 2);
        assert.ok(said.length >= round, 'no log entry says that 2 deliveries were abandoned');
      }
      assert.ok(
        Math.min(...tookMs) < deadlineMs + slackMs,
        `closing by ${deadlineMs} ms took ${tookMs.map(Math.round)} ms`,
      );
    },
  },
  {
    name: 'P7: a handler that listens to its signal is not abandoned',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const again: Settlement = { outcome: 'retry', delayMs: 0, spent: false };
      const receive = witness.receive(({ signal }) =>
        sleep(systemClock, 60_000, signal)
          .catch(() => {})
          .then(() => again),
      );
      const subscription = await bench.subscribe(transport, [topic], receive);
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.equal(witness.running, 1));
      await subscription.close({ deadlineMs: 300 });
      assert.equal(witness.running, 0);
      assert.equal(witness.ids.length, 1);
    },
  },
  {
    name: 'P7: what an abandoned handler returns later settles nothing',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1 });
      const [first, second] = [createWitness(), createWitness()];
      const gate = bench.gate();
      const subscription = await bench.subscribe(
        transport,
        [topic],
        first.receive(() => gate.pass().then(() => ack)),
        { group },
      );
      await transport.publish(topic, [messageOf('a', 'k'), messageOf('b', 'k')]);
      await bench.eventually(() => assert.equal(first.running, 1));
      await subscription.close({ deadlineMs: 50 });
      gate.open();
      await bench.eventually(() => assert.deepEqual(first.acked, ['a']));
      await bench.subscribe(transport, [topic], second.receive(), { group });
      await bench.eventually(() => assert.deepEqual(second.acked, ['a', 'b']));
    },
  },
  {
    name: 'P7: what a closed subscription did not settle goes to another one of the group that runs',
    run: async (bench) => {
      const [one, two] = [await bench.open(), await bench.open()];
      const group = bench.name('group');
      const topic = await bench.topic(one, { groups: { [group]: 'latest' } });
      const [first, second] = [createWitness(), createWitness()];
      const gate = bench.gate();
      await bench.subscribe(
        one,
        [topic],
        first.receive(() => gate.pass().then(() => ack)),
        { group, concurrency: 2 },
      );
      await bench.subscribe(two, [topic], second.receive(), { group });
      const messages = messagesOf(20, 10);
      await one.publish(topic, messages);
      await bench.eventually(() => assert.equal(first.running, 2));
      await one.close({ deadlineMs: 100 });
      await bench.eventually(() => assert.equal(second.acked.length, messages.length));
    },
  },
  {
    name: 'P7: close does not wait for messages that wait for their retry',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const later: Settlement = { outcome: 'retry', delayMs: 600_000, spent: true };
      const subscription = await bench.subscribe(
        transport,
        [topic],
        witness.receive(() => later),
        { maxInFlight: 2 },
      );
      await transport.publish(topic, messagesOf(6, 6));
      await bench.eventually(() => assert.equal(witness.ids.length, 2));
      const tookMs = await timed(subscription.close({ deadlineMs: 30_000 }));
      assert.ok(tookMs < promptMs, `close took ${tookMs} ms`);
    },
  },
  {
    name: 'P7: close ends by its deadline although onAssigned or onRevoked hangs',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 2 });
      const gate = bench.gate();
      let assigned = 0;
      const onAssigned = (): Promise<void> => {
        assigned++;
        return gate.pass();
      };
      const hangs = { group: bench.name('group'), from: 'latest', onAssigned } as const;
      const assigning = await transport.subscribe([topic], createWitness().receive(), hangs);
      await bench.eventually(() => assert.ok(assigned > 0));
      const revoking = await bench.subscribe(transport, [topic], createWitness().receive(), { onRevoked: gate.pass });
      for (const subscription of [assigning, revoking]) {
        const tookMs = await timed(subscription.close({ deadlineMs: 200 }));
        assert.ok(tookMs < promptMs, `close took ${tookMs} ms`);
      }
    },
  },
  {
    name: 'P7: close works while the subscription is paused with a backlog',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const subscription = await bench.subscribe(transport, [topic], witness.receive());
      subscription.pause('operator');
      await transport.publish(topic, messagesOf(10, 3));
      const tookMs = await timed(subscription.close({ deadlineMs: 30_000 }));
      assert.ok(tookMs < promptMs, `close took ${tookMs} ms`);
      assert.equal(witness.ids.length, 0);
    },
  },
];
