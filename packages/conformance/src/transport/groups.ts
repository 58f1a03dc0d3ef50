import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';

const withoutReplay = ({ capabilities }: TransportBench): string | undefined =>
  capabilities.replay ? undefined : 'it declares that it cannot replay';

/** P2: which messages a group sees. */
export const groups: readonly TestCase<TransportBench>[] = [
  {
    name: 'P2: every group sees every message published after it was created',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witnesses = [createWitness(), createWitness(), createWitness()];
      for (const witness of witnesses) await bench.subscribe(transport, [topic], witness.receive());
      const messages = messagesOf(60, 7);
      await transport.publish(topic, messages);
      for (const witness of witnesses) {
        await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
        assert.deepEqual([...witness.ids].sort(), messages.map(({ id }) => id).sort());
      }
    },
  },
  {
    name: 'P2: a group made by topology.apply sees what was published before its first subscription',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { groups: { [group]: 'latest' } });
      await transport.publish(topic, messagesOf(20, 3));
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive(), { group, from: 'latest' });
      await bench.eventually(() => assert.equal(witness.acked.length, 20));
    },
  },
  {
    name: 'P2: a group that starts at the latest sees only what is published after subscribe has resolved',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      await transport.publish(topic, [messageOf('before')]);
      const witness = createWitness();
      await transport.subscribe([topic], witness.receive(), { group: bench.name('group'), from: 'latest' });
      await transport.publish(topic, [messageOf('after')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['after']));
      assert.deepEqual(witness.ids, ['after']);
    },
  },
  {
    name: 'P2: a group that starts at the earliest sees what is kept from before',
    pointless: withoutReplay,
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const messages = messagesOf(30, 4);
      await transport.publish(topic, messages);
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive(), { from: 'earliest' });
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
    },
  },
  {
    name: 'P9: a replay that it cannot do is refused by name',
    pointless: ({ capabilities }) => (capabilities.replay ? 'it can replay' : undefined),
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const subscribed = transport.subscribe([topic], createWitness().receive(), { group: 'new', from: 'earliest' });
      await assert.rejects(subscribed, (error) => isHoldfastError(error, 'unsupported'));
    },
  },
  {
    name: 'P2: a group goes on where it stood, whatever `from` says',
    run: async (bench) => {
      const transport = await bench.open();
      const group = bench.name('group');
      const topic = await bench.topic(transport, { partitions: 1, groups: { [group]: 'latest' } });
      for (const [round, from] of (['latest', 'earliest', 'latest'] as const).entries()) {
        if (from === 'earliest' && !bench.capabilities.replay) continue;
        const ids = [`${round}a`, `${round}b`];
        await transport.publish(
          topic,
          ids.map((id) => messageOf(id)),
        );
        const witness = createWitness();
        const subscription = await bench.subscribe(transport, [topic], witness.receive(), { group, from });
        await bench.eventually(() => assert.equal(witness.acked.length, 2));
        assert.deepEqual(witness.ids, ids);
        await subscription.close();
      }
    },
  },
  {
    name: 'P2: one subscription reads several topics',
    run: async (bench) => {
      const transport = await bench.open();
      const topics = [await bench.topic(transport), await bench.topic(transport, { partitions: 1 })];
      const witness = createWitness();
      await bench.subscribe(transport, topics, witness.receive());
      for (const topic of topics) await transport.publish(topic, messagesOf(10, 3, `${topic}/`));
      await bench.eventually(() => assert.equal(witness.acked.length, 20));
      for (const { delivery } of witness.sightings) assert.ok(delivery.message.id.startsWith(`${delivery.topic}/`));
    },
  },
  {
    name: 'P2: a topic that is subscribed to before anybody declared it is made, with its dead topic',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = bench.name('undeclared');
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const described = await transport.topology.describe(topic);
      assert.equal((await transport.topology.describe(`${topic}.dead`)).partitions, described.partitions);
      await transport.publish(topic, [messageOf('a')]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
    },
  },
];
