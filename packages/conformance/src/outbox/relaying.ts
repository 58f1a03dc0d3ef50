import assert from 'node:assert/strict';
import { PublishError, sleep, systemClock } from '@holdfast/core';
import { orderFaults } from '../order.ts';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import { type OpenOutbox, type OutboxBench, publishingAs } from './bench.ts';
import { Noted } from './noted.ts';

const briefly = (mostMs: number): Promise<void> => sleep(systemClock, random() * mostMs);

/** P1, P2, P3 and P8: from the outbox to the transport. */
export const relayingCases = <Tx>(): readonly TestCase<OutboxBench<Tx>>[] => [
  {
    name: 'P3: the messages of a key are published in the order in which their transactions took the key',
    run: async (bench) => {
      const open = await bench.open();
      const { relay, witness } = open;
      await relay().start();
      const sent = await writeConcurrently(open, { writers: 6, transactions: 8, keys: 5 });
      await bench.eventually(() => assert.equal(witness.acked.length, sent.length));
      assert.deepEqual(orderFaults(sent, witness.history), []);
      assert.equal(witness.ids.length, sent.length, 'some were published twice although nothing failed');
    },
  },
  {
    name: 'P2: nothing is lost and order holds while relays come and go',
    run: async (bench) => {
      const open = await bench.open();
      const { relay, witness } = open;
      const writing = writeConcurrently(open, { writers: 4, transactions: 25, keys: 8 });
      for (let round = 0; round < 4; round++) {
        const relays = [relay({ leaseMs: 1_000 }), relay({ leaseMs: 1_000 })];
        await Promise.all(relays.map((one) => one.start()));
        await briefly(150);
        await Promise.all(relays.map((one) => one.close()));
      }
      const sent = await writing;
      await relay({ leaseMs: 1_000 }).start();
      await bench.eventually(() => assert.equal(witness.acked.length, sent.length));
      assert.deepEqual(orderFaults(sent, witness.history), []);
    },
  },
  {
    name: 'P1: a message whose publish has an unknown outcome is published again under the same id',
    run: async (bench) => {
      const { outbox, relay, transport, topic, witness } = await bench.open();
      const box = outbox();
      let lost = 0;
      const losesReplies = publishingAs(transport, async (to, messages) => {
        await transport.publish(to, messages);
        if (lost++ < 2)
          throw PublishError.all(to, messages, { outcome: 'unknown', error: new Error('the reply was lost') });
      });
      const relaying = relay({ transport: losesReplies });
      await relaying.start();
      await box.transaction(async (tx) => {
        for (const id of ['a', 'b', 'c']) await box.add(tx, Noted, { text: '' }, { id, key: 'k', topic });
      });
      await bench.eventually(async () => assert.equal((await relaying.stats()).pending, 0));
      await bench.eventually(() => assert.deepEqual([...new Set(witness.acked)], ['a', 'b', 'c']));
      assert.ok(witness.ids.length > 3, 'nothing was published again');
      assert.deepEqual(await box.parked(), []);
    },
  },
  {
    name: 'P8: a message that the transport refuses is parked with what follows of its key; other keys go on',
    run: async (bench) => {
      const { outbox, relay, transport, topic, witness } = await bench.open();
      const box = outbox();
      const nowhere = bench.name('nowhere');
      const relaying = relay();
      await relaying.start();
      await box.transaction(async (tx) => {
        await box.add(tx, Noted, { text: '' }, { id: 'bad-1', key: 'bad', topic: nowhere });
        await box.add(tx, Noted, { text: '' }, { id: 'bad-2', key: 'bad', topic: nowhere });
        await box.add(tx, Noted, { text: '' }, { id: 'good', key: 'good', topic });
      });
      await bench.eventually(() => assert.deepEqual(witness.acked, ['good']));
      await bench.eventually(async () =>
        assert.deepEqual(
          (await box.parked()).map(({ message }) => message.id),
          ['bad-1', 'bad-2'],
        ),
      );
      const [first] = await box.parked();
      assert.deepEqual([first?.reason, first?.topic, first?.message.key], ['unknown_topic', nowhere, 'bad']);
      assert.equal((await relaying.stats()).parked, 2);
      await box.transaction((tx) => box.add(tx, Noted, { text: '' }, { id: 'bad-3', key: 'bad', topic: nowhere }));
      await bench.eventually(async () => assert.equal((await relaying.stats()).parked, 3));
      await transport.topology.apply({ topics: { [nowhere]: {} } });
      const found = createWitness();
      await transport.subscribe([nowhere], found.receive(), { group: 'found', from: 'earliest' });
      assert.equal(await box.retry({ key: 'bad' }), 3);
      await bench.eventually(() => assert.deepEqual(found.acked, ['bad-1', 'bad-2', 'bad-3']));
      assert.deepEqual(await box.parked(), []);
    },
  },
  {
    name: 'P2: runOnce hands over what is due, once, and gives back its shards',
    run: async (bench) => {
      const { outbox, relay, topic, witness } = await bench.open();
      const box = outbox();
      const [one, two] = [relay(), relay()];
      const addTwo = (...ids: string[]): Promise<void> =>
        box.transaction(async (tx) => {
          for (const id of ids) await box.add(tx, Noted, { text: '' }, { id, key: id, topic });
        });
      await addTwo('a', 'b');
      assert.deepEqual(await one.runOnce(), { handedOver: 2, parked: 0 });
      assert.deepEqual(await one.runOnce(), { handedOver: 0, parked: 0 });
      await addTwo('c', 'd');
      assert.deepEqual(await two.runOnce(), { handedOver: 2, parked: 0 });
      await bench.eventually(() => assert.deepEqual([...witness.acked].sort(), ['a', 'b', 'c', 'd']));
    },
  },
  {
    name: 'P6: stats say how many messages wait and for how long, and who owns the shards',
    run: async (bench) => {
      const { outbox, relay, topic } = await bench.open();
      const box = outbox();
      await box.transaction(async (tx) => {
        for (const id of ['a', 'b', 'c']) await box.add(tx, Noted, { text: '' }, { id, topic });
      });
      const relaying = relay();
      await bench.eventually(async () => {
        const { pending, lagMs, shardsOwned } = await relaying.stats();
        assert.deepEqual([pending, shardsOwned], [3, 0]);
        assert.ok(lagMs > 0, 'the oldest message has no age');
      });
      await relaying.start();
      await bench.eventually(async () => {
        const { pending, inFlight, lagMs, shardsOwned } = await relaying.stats();
        assert.deepEqual([pending, inFlight, lagMs], [0, 0, 0]);
        assert.ok(shardsOwned > 0);
      });
    },
  },
  {
    name: 'P7: a relay closes twice, while its transport hangs, and leaves the message to the next one',
    run: async (bench) => {
      const { outbox, relay, transport, topic, witness } = await bench.open();
      const box = outbox();
      const gate = bench.gate();
      let called = false;
      const hangs = publishingAs(transport, async () => {
        called = true;
        await gate.pass();
      });
      await box.transaction((tx) => box.add(tx, Noted, { text: '' }, { id: 'a', topic }));
      const hanging = relay({ transport: hangs, leaseMs: 1_000 });
      await hanging.start();
      await bench.eventually(() => assert.equal(called, true));
      await Promise.all([hanging.close({ deadlineMs: 200 }), hanging.close({ deadlineMs: 200 })]);
      await relay({ leaseMs: 1_000 }).start();
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
    },
  },
];

interface Load {
  readonly writers: number;
  readonly transactions: number;
  readonly keys: number;
}

/**
 * Writers that hold their transactions for random times, of which some are rolled back. Resolves with what was committed,
 * in the order in which the transactions took their key: each held its lock from then to its commit.
 */
const writeConcurrently = async <Tx>(
  { outbox, topic }: OpenOutbox<Tx>,
  { writers, transactions, keys }: Load,
): Promise<readonly { readonly id: string; readonly key: string }[]> => {
  const box = outbox();
  const taken: { readonly id: string; readonly key: string }[] = [];
  const gone = new Set<string>();
  const writeOne = async (id: string): Promise<void> => {
    const key = `key-${Math.floor(random() * keys)}`;
    const failing = box.transaction(async (tx) => {
      await briefly(5);
      await box.add(tx, Noted, { text: id }, { id, key, topic });
      taken.push({ id, key });
      await briefly(20);
      if (random() < 0.2) throw new Error('rolled back');
    });
    await failing.catch(() => gone.add(id));
  };
  const write = async (writer: number): Promise<void> => {
    for (let n = 0; n < transactions; n++) await writeOne(`${writer}-${n}`);
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return taken.filter(({ id }) => !gone.has(id));
};
