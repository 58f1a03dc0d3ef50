import assert from 'node:assert/strict';
import { ack, type Settlement } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import { orderFaults } from '../order.ts';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { InboxBench } from './bench.ts';

/** P2 and P3: messages that are stored before they are handled. */
export const storeFirstCases = <Tx>(): readonly TestCase<InboxBench<Tx>>[] => [
  {
    name: 'P2: a stored message is handled as it came, by a relay that starts later, and once',
    run: async (bench) => {
      const { group, store, relay } = await bench.open();
      const storing = store(group);
      const sent = { ...messageOf('a', 'ключ'), body: Uint8Array.from({ length: 256 }, (_, byte) => byte) };
      assert.equal(await storing.store(sent, 'orders'), 'stored');
      const witness = createWitness();
      await relay({ group, receive: witness.receive() }).start();
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      const { message, topic, group: of, attempt } = witness.sightings[0]?.delivery ?? {};
      assert.deepEqual({ ...message, body: [...(message?.body ?? [])] }, { ...sent, body: [...sent.body] });
      assert.deepEqual([topic, of, attempt], ['orders', group, 1]);
    },
  },
  {
    name: 'P2: a copy of a stored message is turned away, and another group gets its own',
    run: async (bench) => {
      const { group, store } = await bench.open();
      assert.equal(await store(group).store(messageOf('a'), 'orders'), 'stored');
      assert.equal(await store(group).store(messageOf('a'), 'orders'), 'duplicate');
      assert.equal(await store(bench.name('other')).store(messageOf('a'), 'orders'), 'stored');
    },
  },
  {
    name: 'P3: stored messages of a key are handled one after another, through retries',
    run: async (bench) => {
      const { group, store, relay } = await bench.open();
      const storing = store(group);
      const messages = messagesOf(60, 6);
      for (const message of messages) await storing.store(message, 'orders');
      const witness = createWitness();
      const again: Settlement = { outcome: 'retry', delayMs: 1, spent: true };
      const receive = witness.receive(() => (random() < 0.2 ? again : ack));
      await relay({ group, receive }).start();
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
      assert.deepEqual(orderFaults(messages, witness.history), []);
    },
  },
  {
    name: 'P8: a stored message that is retried for ever holds up only its own key',
    run: async (bench) => {
      const { group, store, relay } = await bench.open();
      const storing = store(group);
      for (const message of [messageOf('poison', 'bad'), messageOf('behind', 'bad'), ...messagesOf(20, 4)]) {
        await storing.store(message, 'orders');
      }
      const witness = createWitness();
      const again: Settlement = { outcome: 'retry', delayMs: 20, spent: true };
      const receive = witness.receive(({ message }) => (message.id === 'poison' ? again : ack));
      await relay({ group, receive }).start();
      await bench.eventually(() => assert.equal(witness.acked.length, 20));
      assert.ok(!witness.ids.includes('behind'), 'a message overtook the poison one of its key');
    },
  },
  {
    name: 'P2: what a closed relay did not settle is handled by the next one',
    run: async (bench) => {
      const { group, store, relay } = await bench.open();
      const storing = store(group);
      const messages = messagesOf(12, 4);
      for (const message of messages) await storing.store(message, 'orders');
      const [first, second] = [createWitness(), createWitness()];
      const gate = bench.gate();
      const hanging = relay({ group, receive: first.receive(() => gate.pass().then(() => ack)) });
      await hanging.start();
      await bench.eventually(() => assert.ok(first.running > 0));
      await hanging.close({ deadlineMs: 200 });
      await relay({ group, receive: second.receive() }).start();
      await bench.eventually(() => assert.equal(second.acked.length, messages.length));
      assert.deepEqual(orderFaults(messages, second.history), []);
    },
  },
];
