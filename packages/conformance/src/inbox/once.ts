import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { random } from '../random.ts';
import type { TestCase } from '../test-case.ts';
import type { InboxBench } from './bench.ts';

/** P4: work in `once` takes effect once per message and group. */
export const onceCases = <Tx>(): readonly TestCase<InboxBench<Tx>>[] => [
  {
    name: 'P4: work runs once and gives back its value; a copy of the message is turned away',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const first = await inbox.once(group, 'a', async (tx) => {
        await effect('a')(tx);
        return 42;
      });
      assert.deepEqual(first, { outcome: 'done', value: 42 });
      assert.deepEqual(await inbox.once(group, 'a', effect('a')), { outcome: 'duplicate' });
      assert.deepEqual(await effects(), ['a']);
    },
  },
  {
    name: 'P4: each group counts for itself',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      await inbox.once(group, 'a', effect('of one group'));
      await inbox.once(`${group}-other`, 'a', effect('of the other'));
      assert.deepEqual(await effects(), ['of one group', 'of the other']);
    },
  },
  {
    name: 'P4: work that fails leaves neither effect nor record, and can be done again',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const failing = inbox.once(group, 'a', async (tx) => {
        await effect('a')(tx);
        throw new Error('the card was declined');
      });
      await assert.rejects(failing, /the card was declined/);
      assert.equal(await inbox.isDone(group, 'a'), false);
      assert.deepEqual(await effects(), []);
      assert.equal((await inbox.once(group, 'a', effect('a'))).outcome, 'done');
      assert.deepEqual(await effects(), ['a']);
    },
  },
  {
    name: 'P4: of copies that run at the same time one takes effect',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const copies = await Promise.all(Array.from({ length: 10 }, () => inbox.once(group, 'a', effect('a'))));
      assert.equal(copies.filter(({ outcome }) => outcome === 'done').length, 1);
      assert.deepEqual(await effects(), ['a']);
    },
  },
  {
    name: 'P4: a copy that waited for one that failed takes effect itself',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const started = Promise.withResolvers<void>();
      const gate = bench.gate();
      const first = inbox.once(group, 'a', async (tx) => {
        await effect('a')(tx);
        started.resolve();
        await gate.pass();
        throw new Error('it fails late');
      });
      await started.promise;
      const copy = inbox.once(group, 'a', effect('a'));
      gate.open();
      await assert.rejects(first, /it fails late/);
      assert.equal((await copy).outcome, 'done');
      assert.deepEqual(await effects(), ['a']);
    },
  },
  {
    name: 'P7: work that is abandoned leaves nothing, although it hangs, and can be done again',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const started = Promise.withResolvers<void>();
      const gate = bench.gate();
      const aborter = new AbortController();
      const hanging = inbox.once(
        group,
        'a',
        async (tx) => {
          await effect('a')(tx);
          started.resolve();
          await gate.pass();
        },
        { signal: aborter.signal },
      );
      await started.promise;
      aborter.abort(new Error('the deadline is over'));
      await assert.rejects(hanging, /the deadline is over/);
      assert.equal((await inbox.once(group, 'a', effect('a'))).outcome, 'done');
      gate.open();
      assert.deepEqual(await effects(), ['a']);
    },
  },
  {
    name: 'P4: several messages of one transaction take effect together or not at all, copies left out',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      await inbox.once(group, 'b', effect('b'));
      const together = async (tx: Tx, fresh: ReadonlySet<string>): Promise<number> => {
        for (const id of fresh) await effect(id)(tx);
        return fresh.size;
      };
      const failing = inbox.onceBatch(group, ['a', 'b', 'c'], async (tx, fresh) => {
        await together(tx, fresh);
        throw new Error('one of them fails');
      });
      await assert.rejects(failing, /one of them fails/);
      assert.deepEqual(await effects(), ['b']);
      const done = await inbox.onceBatch(group, ['a', 'b', 'c'], together);
      assert.deepEqual(done, { outcome: 'done', value: 2, duplicates: ['b'] });
      assert.deepEqual(await inbox.onceBatch(group, ['a', 'b', 'c'], together), { outcome: 'duplicate' });
      assert.deepEqual([...(await effects())].sort(), ['a', 'b', 'c']);
    },
  },
  {
    name: 'P4: a message that had its effect elsewhere is recorded, and turned away afterwards',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      assert.equal(await inbox.isDone(group, 'a'), false);
      await Promise.all([inbox.record(group, 'a'), inbox.record(group, 'a'), inbox.record(group, 'b')]);
      assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((id) => inbox.isDone(group, id))), [true, true, false]);
      assert.equal((await inbox.once(group, 'a', effect('a'))).outcome, 'duplicate');
      assert.deepEqual(await effects(), []);
    },
  },
  {
    name: 'P4: every message has one effect, whatever is repeated, fails, and runs at once',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const done = new Set<string>();
      const attempt = async (): Promise<void> => {
        const id = `m${Math.floor(random() * 15)}`;
        const fails = random() < 0.4;
        const work = async (tx: Tx): Promise<void> => {
          await effect(id)(tx);
          if (fails) throw new Error('it fails');
        };
        await inbox.once(group, id, work).then(
          () => done.add(id),
          () => {},
        );
      };
      for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 12 }, attempt));
      assert.deepEqual([...(await effects())].sort(), [...done].sort());
    },
  },
  {
    name: 'P4: an id is taken as it is, and refused by name where it cannot be recorded',
    run: async (bench) => {
      const { inbox, group, effect, effects } = await bench.open();
      const odd = ["'; drop table conformance_effects; --", '"', '💥', ' ', '\\', '$1', 'ä'.repeat(200)];
      for (const id of odd) {
        assert.equal((await inbox.once(group, id, effect(id))).outcome, 'done');
        assert.equal(await inbox.isDone(group, id), true);
      }
      assert.deepEqual(await effects(), odd);
      for (const id of ['', 'a\0b', '\ud800']) {
        const refused = (error: unknown): boolean => isHoldfastError(error, 'invalid_message');
        await assert.rejects(inbox.once(group, id, effect(id)), refused);
      }
    },
  },
  {
    name: 'P5: old records are deleted, but never before the last copy may have come',
    run: async (bench) => {
      const { inbox, group } = await bench.open();
      for (const id of ['a', 'b', 'c']) await inbox.record(group, id);
      const tooShort = inbox.prune({ retentionMs: 1_000, redeliveryHorizonMs: 2_000 });
      await assert.rejects(tooShort, (error) => isHoldfastError(error, 'retention_too_short'));
      await inbox.prune({ retentionMs: 3_600_000, redeliveryHorizonMs: 1_000 });
      assert.equal(await inbox.isDone(group, 'a'), true);
      await bench.eventually(async () => {
        await inbox.prune({ retentionMs: 1, redeliveryHorizonMs: 1, batchSize: 2 });
        assert.equal(await inbox.isDone(group, 'c'), false);
      });
    },
  },
];
