import assert from 'node:assert/strict';
import { isHoldfastError, systemClock } from '@holdfast/core';
import type { TestCase } from '../test-case.ts';
import type { OutboxBench } from './bench.ts';
import { Noted } from './noted.ts';

/** Between the clocks of this process and of the database. */
const toleranceMs = 10;

const rolledBack = new Error('the transaction is rolled back');

/** P2 and P3: messages are there with the transaction that adds them. */
export const addingCases = <Tx>(): readonly TestCase<OutboxBench<Tx>>[] => [
  {
    name: 'P2: a message is published when its transaction has committed, and never when it was rolled back',
    run: async (bench) => {
      const { outbox, relay, topic, witness } = await bench.open();
      const box = outbox();
      await relay().start();
      const failing = box.transaction(async (tx) => {
        await box.add(tx, Noted, { text: 'never' }, { id: 'never', topic });
        throw rolledBack;
      });
      await assert.rejects(failing, rolledBack);
      await box.transaction((tx) => box.add(tx, Noted, { text: 'hello' }, { id: 'a', topic }));
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      assert.deepEqual(witness.ids, ['a']);
    },
  },
  {
    name: 'P1: a message is published as it was added: id, type, key, headers and body',
    run: async (bench) => {
      const { outbox, relay, topic, witness } = await bench.open();
      const box = outbox();
      const inReplyTo = await box.transaction((tx) => box.add(tx, Noted, { text: '' }, { id: 'asked', topic }));
      const options = { id: "odd'; --", key: 'ключ 🔑', headers: { 'X-Trace': 'ä "\\ \n' }, topic, inReplyTo };
      const added = await box.transaction((tx) => box.add(tx, Noted, { text: 'żółw 🐢 \\u0000' }, options));
      await relay().start();
      await bench.eventually(() => assert.equal(witness.acked.length, 2));
      const seen = witness.sightings.find(({ delivery }) => delivery.message.id === added.id)?.delivery.message;
      assert.deepEqual({ ...seen, body: [...(seen?.body ?? [])] }, { ...added, body: [...added.body] });
    },
  },
  {
    name: 'P3: adding locks the key until the commit, and no other key',
    run: async (bench) => {
      const { outbox, topic } = await bench.open();
      const box = outbox();
      const gate = bench.gate();
      const started = Promise.withResolvers<void>();
      const first = box.transaction(async (tx) => {
        await box.add(tx, Noted, { text: '' }, { key: 'k', topic });
        started.resolve();
        await gate.pass();
      });
      await started.promise;
      let added = false;
      const second = box.transaction(async (tx) => {
        await box.add(tx, Noted, { text: '' }, { key: 'k', topic });
        added = true;
      });
      await box.transaction((tx) => box.add(tx, Noted, { text: '' }, { key: 'another', topic }));
      assert.equal(added, false);
      gate.open();
      await Promise.all([first, second]);
    },
  },
  {
    name: "P3: with ordering 'none' adding locks nothing",
    run: async (bench) => {
      const { outbox, topic } = await bench.open();
      const box = outbox({ ordering: 'none' });
      const gate = bench.gate();
      const started = Promise.withResolvers<void>();
      const first = box.transaction(async (tx) => {
        await box.add(tx, Noted, { text: '' }, { key: 'k', topic });
        started.resolve();
        await gate.pass();
      });
      await started.promise;
      await box.transaction((tx) => box.add(tx, Noted, { text: '' }, { key: 'k', topic }));
      gate.open();
      await first;
    },
  },
  {
    name: 'P2: addMany adds all its messages, or none',
    run: async (bench) => {
      const { outbox, relay, topic, witness } = await bench.open();
      const box = outbox();
      const invalid = box.transaction((tx) =>
        box.addMany(tx, [
          [Noted, { text: 'fine' }, { id: 'none', topic }],
          [Noted, { text: 'x'.repeat(101) }, { topic }],
        ]),
      );
      await assert.rejects(invalid, (error) => isHoldfastError(error, 'invalid_payload'));
      const added = await box.transaction((tx) =>
        box.addMany(tx, [
          [Noted, { text: '1' }, { id: 'a', key: 'k', topic }],
          [Noted, { text: '2' }, { id: 'b', key: 'k', topic }],
        ]),
      );
      assert.deepEqual(
        added.map(({ id }) => id),
        ['a', 'b'],
      );
      await relay().start();
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a', 'b']));
      assert.deepEqual(witness.ids, ['a', 'b']);
    },
  },
  {
    name: 'P2: a handle that is not a transaction is refused by name, and nothing is written',
    run: async (bench) => {
      const { outbox, relay, notATransaction, topic } = await bench.open();
      const box = outbox();
      const added = box.add(notATransaction, Noted, { text: '' }, { topic });
      await assert.rejects(added, (error) => isHoldfastError(error, 'not_a_transaction'));
      assert.equal((await relay().stats()).pending, 0);
    },
  },
  {
    name: 'P3: a delayed message comes not before its delay, and may be taken back until then',
    run: async (bench) => {
      const { outbox, relay, topic, witness } = await bench.open();
      const box = outbox();
      const relaying = relay();
      await relaying.start();
      const addedMs = systemClock.monotonic();
      await box.transaction(async (tx) => {
        await box.add(tx, Noted, { text: '' }, { id: 'later', key: 'k', topic, delayMs: 500 });
        await box.add(tx, Noted, { text: '' }, { id: 'never', topic, delayMs: 3_600_000 });
        await box.add(tx, Noted, { text: '' }, { id: 'now', key: 'k', topic });
      });
      await bench.eventually(() => assert.ok(witness.acked.includes('now')));
      assert.ok((await relaying.stats()).delayed >= 1);
      assert.equal(await box.transaction((tx) => box.cancel(tx, 'never')), 'cancelled');
      assert.equal(await box.transaction((tx) => box.cancel(tx, 'never')), 'not-found');
      await bench.eventually(() => assert.deepEqual(witness.acked, ['now', 'later']));
      const waitedMs = (witness.sightings[1]?.startedMs ?? 0) - addedMs;
      assert.ok(waitedMs >= 500 - toleranceMs, `it came after ${waitedMs} ms`);
      assert.equal(await box.transaction((tx) => box.cancel(tx, 'later')), 'not-found');
    },
  },
  {
    name: 'P5: a full outbox refuses by name, says when to come back, and takes messages again when it has drained',
    run: async (bench) => {
      const { outbox, relay, topic } = await bench.open();
      const box = outbox({ capacity: 5 });
      const addOne = (): Promise<unknown> => box.transaction((tx) => box.add(tx, Noted, { text: '' }, { topic }));
      await bench.eventually(() =>
        assert.rejects(addOne(), (error) => {
          assert.ok(isHoldfastError(error, 'outbox_full'), `found ${error}`);
          assert.ok('retryAfterMs' in error && Number(error.retryAfterMs) > 0);
          return error.retryable;
        }),
      );
      await relay().start();
      await bench.eventually(async () => void (await addOne()));
    },
  },
  {
    name: 'P9: more keys than one transaction may lock are refused by name, and nothing is written',
    run: async (bench) => {
      const { outbox, relay, topic } = await bench.open();
      const box = outbox();
      const entries = Array.from(
        { length: 1_001 },
        (_, n) => [Noted, { text: '' }, { key: `key-${n}`, topic }] as const,
      );
      const added = box.transaction((tx) => box.addMany(tx, entries));
      await assert.rejects(added, (error) => isHoldfastError(error, 'too_many_keys'));
      assert.equal((await relay().stats()).pending, 0);
    },
  },
];
