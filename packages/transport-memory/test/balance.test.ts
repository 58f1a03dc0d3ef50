import assert from 'node:assert/strict';
import fc from 'fast-check';
import { balance } from '../src/balance.ts';

const slots = fc.integer({ min: 0, max: 30 }).map((count) => Array.from({ length: count }, (_, n) => n));
const members = fc.integer({ min: 1, max: 8 }).map((count) => Array.from({ length: count }, (_, n) => `member-${n}`));
const everyone = (): boolean => true;

const loadsOf = (owners: ReadonlyMap<number, string>, among: readonly string[]): number[] =>
  among.map((member) => [...owners.values()].filter((owner) => owner === member).length);

describe('balance', () => {
  it('gives every slot to a member, and no member has two more than another', () => {
    fc.assert(
      fc.property(slots, members, fc.array(fc.nat(10)), (all, among, before) => {
        const ownerOf = (slot: number): string | undefined =>
          before[slot] === undefined ? undefined : `member-${before[slot]}`;
        const owners = balance(all, among, ownerOf, everyone);
        assert.equal(owners.size, all.length);
        const loads = loadsOf(owners, among);
        assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, `${loads}`);
      }),
    );
  });

  it('moves nothing that is balanced', () => {
    fc.assert(
      fc.property(slots, members, (all, among) => {
        const first = balance(all, among, () => undefined, everyone);
        assert.deepEqual(
          balance(all, among, (slot) => first.get(slot), everyone),
          first,
        );
      }),
    );
  });

  it('moves no more than a newcomer needs', () => {
    fc.assert(
      fc.property(slots, members, (all, among) => {
        const before = balance(all, among, () => undefined, everyone);
        const after = balance(all, [...among, 'newcomer'], (slot) => before.get(slot), everyone);
        for (const [slot, owner] of after) if (owner !== 'newcomer') assert.equal(owner, before.get(slot));
      }),
    );
  });

  it('gives a slot only to a member that can take it, and to nobody when none can', () => {
    fc.assert(
      fc.property(slots, members, fc.array(fc.boolean(), { minLength: 300, maxLength: 300 }), (all, among, matrix) => {
        const canTake = (member: string, slot: number): boolean => matrix[among.indexOf(member) * 31 + slot] ?? false;
        const owners = balance(all, among, () => undefined, canTake);
        for (const slot of all) {
          const owner = owners.get(slot);
          if (owner === undefined) assert.ok(!among.some((member) => canTake(member, slot)));
          else assert.ok(canTake(owner, slot));
        }
      }),
    );
  });
});
