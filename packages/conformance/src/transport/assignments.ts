import assert from 'node:assert/strict';
import { type Assignment, ack, sleep, systemClock } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const placeOf = ({ topic, partition }: Pick<Assignment, 'topic' | 'partition'>): string => `${topic}/${partition}`;

/** P3: what a subscriber is told of its claims. */
export const assignments: readonly TestCase<TransportBench>[] = [
  {
    name: 'P3: onAssigned is awaited before the first delivery of its partition',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { groups: { [group]: 'latest' } });
      await transport.publish(topic, messagesOf(20, 10));
      const ready = new Set<string>();
      const early: string[] = [];
      const witness = createWitness();
      const receive = witness.receive((delivery) => {
        if (!ready.has(placeOf(delivery))) early.push(placeOf(delivery));
        return ack;
      });
      await bench.subscribe(transport, [topic], receive, {
        group,
        onAssigned: async (assignment) => {
          await sleep(systemClock, 30);
          ready.add(placeOf(assignment));
        },
      });
      await bench.eventually(() => assert.equal(witness.acked.length, 20));
      assert.deepEqual(early, []);
    },
  },
  {
    name: 'P3: an onAssigned that fails is called again, and nothing is delivered before it worked',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      let calls = 0;
      let workedAfter = 0;
      const onAssigned = (): void => {
        calls++;
        if (calls === 1) throw new Error('the store is away');
        workedAfter ||= witness.ids.length;
      };
      const group = bench.name('group');
      await transport.subscribe([topic], witness.receive(), { group, from: 'latest', onAssigned });
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      assert.ok(calls >= 2);
      assert.equal(workedAfter, 0);
    },
  },
  {
    name: 'P3: onRevoked is told of each claim after its deliveries have ended, before anybody else gets the partition',
    run: async (bench) => {
      const [one, two] = [await bench.open(), await bench.open()];
      const group = bench.name('group');
      const topic = await bench.topic(one, { partitions: 4 });
      const witness = createWitness();
      const held = new Map<string, string>();
      const faults: string[] = [];
      const claims = (owner: string) => ({
        onAssigned: (assignment: Assignment): void => {
          const other = held.get(placeOf(assignment));
          if (other !== undefined) faults.push(`${owner} got ${placeOf(assignment)} while ${other} had it`);
          held.set(placeOf(assignment), owner);
        },
        onRevoked: async (assignment: Assignment): Promise<void> => {
          await sleep(systemClock, 20);
          if (held.get(placeOf(assignment)) === owner) held.delete(placeOf(assignment));
          else faults.push(`${owner} lost ${placeOf(assignment)}, which it did not have`);
        },
      });
      await bench.subscribe(one, [topic], witness.receive(), { group, ...claims('one') });
      assert.equal(held.size, 4);
      const second = await bench.subscribe(two, [topic], witness.receive(), { group, ...claims('two') });
      await bench.eventually(() => assert.deepEqual([...held.values()].sort(), ['one', 'one', 'two', 'two']));
      await one.close();
      await bench.eventually(() => assert.equal(second.assignments.length, 4));
      await two.close();
      assert.equal(held.size, 0);
      assert.deepEqual(faults, []);
    },
  },
  {
    name: 'P3: each claim on a partition has another token, and its deliveries carry it',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1, groups: { [group]: 'latest' } });
      const tokens: string[] = [];
      for (const id of ['a', 'b', 'c']) {
        const witness = createWitness();
        await transport.publish(topic, [messageOf(id)]);
        const subscription = await bench.subscribe(transport, [topic], witness.receive(), { group });
        await bench.eventually(() => assert.deepEqual(witness.acked, [id]));
        const token = witness.sightings[0]?.delivery.token ?? '';
        assert.deepEqual(subscription.assignments, [{ topic, partition: 0, token }]);
        tokens.push(token);
        await subscription.close();
        assert.deepEqual(subscription.assignments, []);
      }
      assert.equal(new Set(tokens).size, 3);
    },
  },
];
