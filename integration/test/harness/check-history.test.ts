import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assertHistory, checkHistory, type Entry, type Violation } from '../../harness/index.ts';
import { goodHistory } from './good-history.ts';

const entry = (f: Entry['f'], id: string, more: Partial<Entry> = {}): Entry => ({
  t: 0,
  p: 'one',
  f,
  type: 'ok',
  id,
  ...more,
});

/** An entry of message `id`, whose number is its last character and whose key is the rest. */
const of = (f: Entry['f'], id: string, type: Entry['type'] = 'ok'): Entry =>
  entry(f, id, { type, key: id.slice(0, -1), seq: Number(id.at(-1)) });

const publish = (id: string, type: Entry['type'] = 'ok'): Entry => of('publish', id, type);
const effect = (id: string): Entry => of('effect', id);
const write = (id: string, epoch: string, p = `owner of ${epoch}`): Entry =>
  entry('write', id, { key: 'shard', epoch, p });

const named = (violations: readonly Violation[]): string[] =>
  violations.map(({ invariant, id }) => `${invariant} ${id}`);
const violationsOf = (...history: Entry[]): string[] => named(checkHistory(history));

describe('the history checker', () => {
  it('passes good histories', () => {
    fc.assert(fc.property(goodHistory, (history) => assert.deepEqual(checkHistory(history), [])));
  });

  it('fails a test with the names of all that is broken', () => {
    const history = [publish('a1'), publish('a2'), effect('a1'), effect('a1')];
    assert.throws(() => assertHistory(history), {
      message:
        '2 violations in a history of 4 entries:\n' +
        'V1 no loss: a2 of a: published, but it neither took effect nor is it parked\n' +
        'V2 no duplicate effect: a1 of a: took effect 2 times; in all 1 effects too many, where 0 are allowed',
    });
    assertHistory([publish('a1'), effect('a1')]);
  });

  it('fails a test whose history has no effect', () => {
    assert.throws(() => assertHistory([publish('a1'), of('park', 'a1')]), /without one effect proves nothing/);
  });

  describe('V1 no loss', () => {
    it('finds what was published and never took effect', () => {
      assert.deepEqual(violationsOf(publish('a1'), publish('a2'), effect('a1')), ['V1 a2']);
    });

    it('counts parked as kept, and un-parked without effect as lost', () => {
      assert.deepEqual(violationsOf(publish('a1'), of('park', 'a1')), []);
      assert.deepEqual(violationsOf(publish('a1'), of('park', 'a1'), of('unpark', 'a1')), ['V1 a1']);
    });

    it('does not count an effect that failed', () => {
      assert.deepEqual(violationsOf(publish('a1'), of('effect', 'a1', 'invoke'), of('effect', 'a1', 'fail')), [
        'V1 a1',
      ]);
    });

    it('demands nothing of what may not have been published', () => {
      assert.deepEqual(violationsOf(publish('a1', 'invoke'), publish('a2', 'invoke'), publish('a2', 'info')), []);
    });
  });

  describe('V2 no duplicate effect', () => {
    it('finds what took effect twice', () => {
      assert.deepEqual(violationsOf(publish('a1'), effect('a1'), effect('a1')), ['V2 a1']);
    });

    it('allows as many effects too many as are said, and names all when there are more', () => {
      const history = [publish('a1'), publish('b1'), effect('a1'), effect('a1'), effect('b1'), effect('b1')];
      assert.deepEqual(checkHistory(history, { maxDuplicates: 2 }), []);
      assert.deepEqual(named(checkHistory(history, { maxDuplicates: 1 })), ['V2 a1', 'V2 b1']);
    });
  });

  describe('V3 no phantom', () => {
    it('finds what nobody published', () => {
      assert.deepEqual(violationsOf(effect('a1')), ['V3 a1']);
    });

    it('finds what was rolled back, also when its handler failed', () => {
      const rolledBack = [publish('a1', 'invoke'), publish('a1', 'fail')];
      assert.deepEqual(violationsOf(...rolledBack, effect('a1')), ['V3 a1']);
      assert.deepEqual(violationsOf(...rolledBack, of('effect', 'a1', 'fail')), ['V3 a1']);
    });

    it('takes a later attempt to publish the same message for what it is', () => {
      const rolledBack = [publish('a1', 'invoke'), publish('a1', 'fail')];
      assert.deepEqual(violationsOf(...rolledBack, publish('a1', 'invoke'), effect('a1')), []);
    });

    it('finds an effect under another key or number than was published', () => {
      assert.deepEqual(violationsOf(publish('a1'), { ...effect('a1'), key: 'b' }), ['V3 a1']);
      assert.deepEqual(violationsOf(publish('a1'), { ...effect('a1'), seq: 2 }), ['V3 a1']);
    });
  });

  describe('V4 order per key', () => {
    it('finds what was overtaken, once', () => {
      const published = [publish('a1'), publish('a2'), publish('a3')];
      assert.deepEqual(violationsOf(...published, effect('a2'), effect('a3'), effect('a1')), ['V4 a1']);
    });

    it('compares no keys with each other', () => {
      assert.deepEqual(violationsOf(publish('a1'), publish('b2'), effect('b2'), effect('a1')), []);
    });

    it('looks at first effects only', () => {
      const history = [publish('a1'), publish('a2'), effect('a1'), effect('a2'), effect('a1')];
      assert.deepEqual(named(checkHistory(history, { maxDuplicates: 1 })), []);
    });

    it('lets a parked message be passed, but not one that is parked later', () => {
      const published = [publish('a1'), publish('a2')];
      assert.deepEqual(violationsOf(...published, of('park', 'a1'), effect('a2')), []);
      assert.deepEqual(violationsOf(...published, effect('a2'), of('park', 'a1')), ['V4 a1']);
    });

    it('holds within a redrive', () => {
      const parked = [publish('a1'), publish('a2'), of('park', 'a1'), of('park', 'a2')];
      const redrive = [of('unpark', 'a1'), of('unpark', 'a2')];
      assert.deepEqual(violationsOf(...parked, ...redrive, effect('a1'), effect('a2')), []);
      assert.deepEqual(violationsOf(...parked, ...redrive, effect('a2'), effect('a1')), ['V4 a1']);
    });

    it('agrees with its definition on any history', () => {
      const entries = fc.record({
        f: fc.constantFrom('effect' as const, 'effect' as const, 'park' as const, 'unpark' as const),
        seq: fc.nat({ max: 5 }),
      });
      fc.assert(
        fc.property(fc.array(entries, { maxLength: 30, size: 'max' }), (steps) => {
          const published = Array.from({ length: 6 }, (_, seq) => publish(`a${seq}`));
          const history = [...published, ...steps.map(({ f, seq }) => of(f, `a${seq}`))];
          const found = checkHistory(history).filter(({ invariant }) => invariant === 'V4');
          assert.deepEqual(new Set(found.map(({ id }) => id)), overtakenByDefinition(history));
          assert.equal(found.length, new Set(found.map(({ id }) => id)).size);
        }),
        { numRuns: 500 },
      );
    });
  });

  describe('V9 fencing', () => {
    it('finds a write of an older epoch', () => {
      assert.deepEqual(violationsOf(write('1', '9'), write('2', '10'), write('3', '9')), ['V9 3']);
    });

    it('finds two owners of one epoch', () => {
      assert.deepEqual(violationsOf(write('1', '9', 'one'), write('2', '9', 'two')), ['V9 2']);
    });

    it('passes over what was refused, and compares no claims with each other', () => {
      const refused: Entry = { ...write('3', '9'), type: 'fail' };
      const elsewhere: Entry = { ...write('4', '1'), key: 'another shard' };
      assert.deepEqual(violationsOf(write('1', '9'), write('2', '10'), refused, elsewhere), []);
    });
  });

  describe('finds the one fault put into a good history, and nothing else:', () => {
    /** Puts a fault into a history at one of the places it fits; `undefined` where it fits nowhere. */
    type Spoil = (history: readonly Entry[], choice: number) => { history: Entry[]; expected: string } | undefined;

    const finds = (spoil: Spoil): void => {
      let spoiled = 0;
      const property = fc.property(goodHistory, fc.nat(), (good, choice) => {
        const bad = spoil(good, choice);
        fc.pre(bad !== undefined);
        spoiled += 1;
        assert.ok(named(checkHistory(bad.history)).includes(bad.expected), `not found: ${bad.expected}`);
        const others = named(checkHistory(bad.history)).filter((name) => name.slice(0, 2) !== bad.expected.slice(0, 2));
        assert.deepEqual(others, []);
      });
      fc.assert(property);
      assert.ok(spoiled >= 50, `only ${spoiled} histories could be spoiled`);
    };

    const pick = <T>(from: readonly T[], choice: number): T | undefined => from[choice % Math.max(1, from.length)];
    const surelyPublished = (history: readonly Entry[]): Set<string> =>
      new Set(history.filter(({ f, type }) => f === 'publish' && type === 'ok').map(({ id }) => id));
    const effectsOf = (history: readonly Entry[]): Entry[] => {
      const published = surelyPublished(history);
      return history.filter(({ f, id }) => f === 'effect' && published.has(id));
    };

    it('an effect that is missing', () =>
      finds((history, choice) => {
        const lost = pick(effectsOf(history), choice);
        return lost && { history: history.filter((one) => one !== lost), expected: `V1 ${lost.id}` };
      }));

    it('an effect that comes again', () =>
      finds((history, choice) => {
        const repeated = pick(effectsOf(history), choice);
        if (!repeated) return undefined;
        const at = history.indexOf(repeated);
        const later = at + 1 + (choice % (history.length - at));
        return { history: history.toSpliced(later, 0, repeated), expected: `V2 ${repeated.id}` };
      }));

    it('an effect of what was rolled back', () =>
      finds((history, choice) => {
        const phantom = pick(effectsOf(history), choice);
        const rolledBack = (one: Entry): Entry =>
          one.f === 'publish' && one.id === phantom?.id && one.type === 'ok' ? { ...one, type: 'fail' } : one;
        return phantom && { history: history.map(rolledBack), expected: `V3 ${phantom.id}` };
      }));

    it('two effects of a key that changed places', () =>
      finds((history, choice) => {
        const neverParked = effectsOf(history).filter(
          ({ id }) => !history.some((one) => one.f === 'park' && one.id === id),
        );
        const first = pick(neverParked, choice);
        const second = neverParked.find(({ key, seq = 0 }) => key === first?.key && seq > (first?.seq ?? 0));
        if (!first || !second) return undefined;
        const swap = (one: Entry): Entry => (one === first ? second : one === second ? first : one);
        return { history: history.map(swap), expected: `V4 ${first.id}` };
      }));

    it('a write under the epoch of an owner before', () =>
      finds((history, choice) => {
        const writes = history.filter(({ f }) => f === 'write');
        const late = pick(writes, choice);
        const former = writes.find(({ key, epoch }) => key === late?.key && epoch !== late?.epoch);
        if (!late || !former || writes.indexOf(former) > writes.indexOf(late)) return undefined;
        const zombie: Entry = { ...former, id: 'zombie' };
        return { history: history.toSpliced(history.indexOf(late) + 1, 0, zombie), expected: 'V9 zombie' };
      }));
  });
});

/** V4 word for word: who neither took effect nor was parked when one with a higher number took effect for the first time. */
const overtakenByDefinition = (history: readonly Entry[]): Set<string> => {
  const firstEffects = new Map(
    history
      .map(({ f, id }, index) => ({ f, id, index }))
      .filter(({ f }) => f === 'effect')
      .reverse()
      .map(({ id, index }) => [id, index]),
  );
  const isParkedAt = (id: string, index: number): boolean =>
    history.slice(0, index).findLast((one) => one.id === id && (one.f === 'park' || one.f === 'unpark'))?.f === 'park';
  const last = (id: string): boolean => firstEffects.has(id) || isParkedAt(id, history.length);
  const seqOf = (id: string): number => Number(id.at(-1));
  const ids = history.filter(({ f, id }) => f === 'publish' && last(id)).map(({ id }) => id);
  const overtaken = ids.filter((id) =>
    [...firstEffects].some(
      ([other, at]) => seqOf(other) > seqOf(id) && (firstEffects.get(id) ?? history.length) > at && !isParkedAt(id, at),
    ),
  );
  return new Set(overtaken);
};
