import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Sharer, shareOut } from '../src/share-out.ts';

const place = (partition: number, topic = 'orders') => ({ topic, partition });

const member = (memberId: string, owned: readonly number[] = [], more: Partial<Sharer> = {}): Sharer => ({
  ...{ memberId, topics: ['orders'], owned: owned.map((partition) => place(partition)), leaving: [], generation: 1 },
  ...more,
});

const numbersOf = (members: readonly Sharer[], partitions: number): Readonly<Record<string, readonly number[]>> =>
  Object.fromEntries(
    [...shareOut(members, new Map([['orders', partitions]]))].map(([id, share]) => [
      id,
      share.partitions.map(({ partition }) => partition),
    ]),
  );

describe('sharing partitions out', () => {
  it('gives a partition that somebody still holds to nobody else, and says that it is pending', () => {
    const shares = shareOut([member('a', [0, 1]), member('b')], new Map([['orders', 2]]));
    assert.equal(shares.get('a')?.partitions.length, 1);
    assert.deepEqual(shares.get('b'), { partitions: [], pending: 1 });
  });

  it('leaves partitions where they are when that is even', () => {
    assert.deepEqual(numbersOf([member('a', [2, 3]), member('b', [0, 1])], 4), { a: [2, 3], b: [0, 1] });
  });

  it('does not take another partition from a member that is about to let one go', () => {
    const leaving = member('a', [0, 1, 2], { leaving: [place(1)] });
    assert.deepEqual(numbersOf([leaving, member('b', [3])], 4), { a: [0, 2], b: [3] });
  });

  it('believes the later one of two that claim the same partition', () => {
    const shares = numbersOf([member('a', [0, 1], { generation: 4 }), member('b', [0, 1], { generation: 5 })], 2);
    assert.equal(shares.a?.length, 0);
    assert.equal(shares.b?.length, 1);
  });

  it('gives a topic only to those who read it', () => {
    const members = [member('a'), member('b', [], { topics: ['orders', 'payments'] })];
    const shares = shareOut(members, new Map([...Object.entries({ orders: 2, payments: 2 })]));
    assert.deepEqual(
      shares.get('a')?.partitions.map(({ topic }) => topic),
      ['orders', 'orders'],
    );
    assert.deepEqual(
      shares.get('b')?.partitions.map(({ topic }) => topic),
      ['payments', 'payments'],
    );
  });

  it('never gives a partition twice or past its holder, and comes to an even end once all have let go', () => {
    const counts = fc.record({ members: fc.integer({ min: 1, max: 6 }), partitions: fc.integer({ min: 1, max: 20 }) });
    const holders = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(counts, holders, ({ members: count, partitions }, holderOf) => {
        const owned = (index: number) =>
          Array.from({ length: partitions }, (_, n) => n).filter((n) => holderOf[n] === index);
        let members = Array.from({ length: count }, (_, index) => member(`m${index}`, owned(index)));
        for (let round = 0; round < 3; round++) {
          const shares = numbersOf(members, partitions);
          const given = Object.values(shares).flat();
          assert.equal(new Set(given).size, given.length);
          for (const { memberId, owned: held } of members) {
            for (const { partition } of held) {
              const other = Object.entries(shares).find(([, numbers]) => numbers.includes(partition));
              assert.ok(other === undefined || other[0] === memberId, `${partition} went past ${memberId}`);
            }
          }
          members = members.map(({ memberId }) => member(memberId, shares[memberId] ?? []));
        }
        const loads = Object.values(numbersOf(members, partitions)).map(({ length }) => length);
        assert.equal(
          loads.reduce((sum, load) => sum + load, 0),
          partitions,
        );
        assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, `uneven: ${loads}`);
      }),
    );
  });
});
