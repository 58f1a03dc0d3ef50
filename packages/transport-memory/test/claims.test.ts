import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Claim, type Claims, createClaims, type Member } from '../src/claims.ts';
import { createPartition } from '../src/partition.ts';

const partitions = Array.from({ length: 5 }, (_, number) =>
  createPartition({ topic: 'orders', number, capacity: 1, retain: 0, onUnread: () => {}, onUnsettled: () => {} }),
);
const topic = { name: 'orders', partitions, overflow: { policy: 'block' } } as const;

/** Checks that a partition has one owner at a time and that every claim has a token of its own. */
const createWorld = (scheduler: fc.Scheduler) => {
  const owners = new Map<number, string>();
  const tokens = new Set<string>();
  const memberOf = (name: string): Member => ({
    reads: () => true,
    take: async ({ partition, token }: Claim) => {
      assert.equal(owners.get(partition.number), undefined, `partition ${partition.number} has two owners`);
      assert.ok(!tokens.has(`${partition.number}/${token}`), 'a token was used twice');
      tokens.add(`${partition.number}/${token}`);
      owners.set(partition.number, name);
      await scheduler.schedule(Promise.resolve(), `${name} takes ${partition.number}`);
    },
    give: async ({ partition }: Claim) => {
      await scheduler.schedule(Promise.resolve(), `${name} gives ${partition.number}`);
      assert.equal(owners.get(partition.number), name);
      owners.delete(partition.number);
    },
  });
  return { owners, memberOf };
};

const step = async (
  claims: Claims,
  present: Map<number, Member>,
  who: number,
  make: (who: number) => Member,
): Promise<void> => {
  const member = present.get(who);
  if (member === undefined) {
    const joined = make(who);
    present.set(who, joined);
    claims.join(joined, [topic]);
  } else {
    present.delete(who);
    await claims.leave(member);
  }
};

describe('the claims of a group', () => {
  it('have one owner at a time, each with a new token, whatever order members join and leave in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.nat(3), { maxLength: 20 }), async (scheduler, steps) => {
        const claims = createClaims();
        const { owners, memberOf } = createWorld(scheduler);
        const present = new Map<number, Member>();
        const leaving = steps.map((who) => step(claims, present, who, (one) => memberOf(`member-${one}`)));
        await scheduler.waitFor(Promise.all(leaving));
        await scheduler.waitIdle();
        assert.equal(owners.size, present.size === 0 ? 0 : partitions.length);
        for (const owner of owners.values()) assert.ok(present.has(Number(owner.split('-')[1])), `${owner} has left`);
        for (const member of present.values()) assert.ok(claims.isSettled(member));
      }),
      { numRuns: 200 },
    );
  });
});
