import assert from 'node:assert/strict';
import { isHoldfastError, type TopologyChange } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const withoutSeek = ({ capabilities }: TransportBench): string | undefined =>
  capabilities.seek ? undefined : 'it declares that it cannot seek';

/** P9: topics and groups as data. */
export const topology: readonly TestCase<TransportBench>[] = [
  {
    name: 'P9: plan says what apply would do and does nothing; after apply it is empty',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = bench.name('topic');
      const request = { topics: { [topic]: { partitions: 3, groups: { one: 'latest' } } } } as const;
      const planned: readonly TopologyChange[] = [
        { change: 'create-topic', topic, partitions: 3 },
        { change: 'create-group', topic, group: 'one', from: 'latest' },
      ];
      assert.deepEqual(await transport.topology.plan(request), planned);
      assert.deepEqual(await transport.topology.plan(request), planned);
      await transport.topology.apply(request);
      assert.deepEqual(await transport.topology.plan(request), []);
      assert.deepEqual(await transport.topology.describe(topic), {
        topic,
        partitions: 3,
        groups: [{ group: 'one', lag: 0 }],
        deadTopic: `${topic}.dead`,
      });
    },
  },
  {
    name: 'P9: apply and plan refuse another number of partitions, and make nothing else of that request',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 3 });
      const other = bench.name('other');
      const request = { topics: { [other]: { partitions: 1 }, [topic]: { partitions: 4 } } };
      const mismatch = (error: unknown): boolean =>
        isHoldfastError(error, 'topology_mismatch') && /3.*4/.test(error.message);
      await assert.rejects(transport.topology.plan(request), mismatch);
      await assert.rejects(transport.topology.apply(request), mismatch);
      await assert.rejects(transport.topology.describe(other), (error) => isHoldfastError(error, 'unknown_topic'));
      await transport.topology.apply({ topics: { [topic]: {} } });
      assert.equal((await transport.topology.describe(topic)).partitions, 3);
    },
  },
  {
    name: 'P9: several transports may apply the same request at once',
    run: async (bench) => {
      const transports = [await bench.open(), await bench.open(), await bench.open(), await bench.open()];
      const topic = bench.name('topic');
      const request = { topics: { [topic]: { partitions: 5, groups: { one: 'latest', two: 'latest' } } } } as const;
      await Promise.all([...transports, ...transports].map(({ topology }) => topology.apply(request)));
      const described = await bench.open().then(({ topology }) => topology.describe(topic));
      assert.equal(described.partitions, 5);
      assert.deepEqual(described.groups.map(({ group }) => group).sort(), ['one', 'two']);
    },
  },
  {
    name: 'P9: describe counts what each group has not settled',
    run: async (bench) => {
      const transport = await bench.open();
      const [done, lagging] = [bench.name('done'), bench.name('lagging')];
      const topic = await bench.topic(transport, { groups: { [done]: 'latest', [lagging]: 'latest' } });
      await transport.publish(topic, messagesOf(25, 6));
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive(), { group: done });
      await bench.eventually(async () => {
        const { groups } = await transport.topology.describe(topic);
        assert.deepEqual(
          new Map(groups.map(({ group, lag }) => [group, lag])),
          new Map([
            [done, 0],
            [lagging, 25],
          ]),
        );
      });
    },
  },
  {
    name: 'P9: describe of an unknown topic is refused by name',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = bench.name('nowhere');
      const unknown = (error: unknown): boolean =>
        isHoldfastError(error, 'unknown_topic') && error.message.includes(topic);
      await assert.rejects(transport.topology.describe(topic), unknown);
    },
  },
  {
    name: 'P9: seek moves a group to the earliest, to the latest, and to a position',
    pointless: withoutSeek,
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1, groups: { [group]: 'latest' } });
      const ids = ['a', 'b', 'c', 'd'];
      await transport.publish(
        topic,
        ids.map((id) => messageOf(id, 'k')),
      );
      const readAll = async (expected: readonly string[]): Promise<string | undefined> => {
        const witness = createWitness();
        const marker = bench.name('marker');
        await transport.publish(topic, [messageOf(marker, 'k')]);
        const subscription = await bench.subscribe(transport, [topic], witness.receive(), { group });
        await bench.eventually(() => assert.ok(witness.acked.includes(marker)));
        await subscription.close();
        assert.deepEqual(
          witness.ids.filter((id) => ids.includes(id)),
          expected,
        );
        return witness.sightings.find(({ delivery }) => delivery.message.id === 'c')?.delivery.position;
      };
      const position = await readAll(['a', 'b', 'c', 'd']);
      await transport.topology.seek(topic, group, 'earliest');
      await readAll(['a', 'b', 'c', 'd']);
      await transport.topology.seek(topic, group, { positions: { 0: position ?? '' } });
      await readAll(['c', 'd']);
      await transport.topology.seek(topic, group, 'earliest');
      await transport.topology.seek(topic, group, 'latest');
      await readAll([]);
    },
  },
  {
    name: 'P9: seek is refused while a subscription of the group runs',
    pointless: withoutSeek,
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { groups: { [group]: 'latest' } });
      const subscription = await bench.subscribe(transport, [topic], createWitness().receive(), { group });
      const running = (error: unknown): boolean => isHoldfastError(error) && error.message.includes(group);
      await assert.rejects(transport.topology.seek(topic, group, 'latest'), running);
      await subscription.close();
      await transport.topology.seek(topic, group, 'latest');
    },
  },
  {
    name: 'P9: a seek that it cannot do is refused by name',
    pointless: ({ capabilities }) => (capabilities.seek ? 'it can seek' : undefined),
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { groups: { [group]: 'latest' } });
      await assert.rejects(transport.topology.seek(topic, group, 'latest'), (error) =>
        isHoldfastError(error, 'unsupported'),
      );
    },
  },
];
