import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type LeaseWorld, leaseWorld, type Member } from './lease-world.ts';

/** What may happen next to two owners who want the same slot. */
type Step =
  | { readonly do: 'pass'; readonly ms: number; readonly skew: number }
  | { readonly do: 'stop' | 'resume' | 'beat'; readonly who: 0 | 1 }
  | { readonly do: 'slow'; readonly who: 0 | 1; readonly before: number; readonly after: number }
  | { readonly do: 'write'; readonly who: 0 | 1; readonly lease: number }
  | { readonly do: 'begin'; readonly who: 0 | 1; readonly lease: number }
  | { readonly do: 'commit' };

type SlowStep = Extract<Step, { readonly do: 'slow' }>;

const who = fc.constantFrom(0 as const, 1 as const);
const lease = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.integer({ min: 1, max: 4_000 }),
      skew: fc.integer({ min: -5, max: 5 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('beat' as const), who }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stop' as const, 'resume' as const), who }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('slow' as const),
      who,
      before: fc.nat({ max: 2_000 }),
      after: fc.nat({ max: 2_000 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), who, lease }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('begin' as const), who, lease }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
);

describe('fencing by leases (PB18)', () => {
  let world: LeaseWorld;
  before(async () => {
    world = await leaseWorld();
  });
  after(() => world.close());

  /** Writes under a lease that the member was once given, however old; resolves with its epoch if it was accepted. */
  const fenced = async (tx: object, scope: string, epoch: string): Promise<bigint | undefined> => {
    const text = 'select holdfast.lease_holds($1::text, 0, $2::text::bigint)::text as holds';
    const [row] = await world.database.query(tx, text, [scope, epoch]);
    return row?.holds === 'true' ? BigInt(epoch) : undefined;
  };

  it('accepts no write of an owner after one of a later owner, and lets no two believe at once', async () => {
    let takeovers = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
        const scope = world.nextScope();
        const members = [world.member('a', 1), world.member('b', 1)] as const;
        const accepted: bigint[] = [];
        let open: { readonly done: Promise<void>; commit(): void } | undefined;
        const commit = async (): Promise<void> => {
          open?.commit();
          await open?.done;
          open = undefined;
        };
        for (const { leases } of members) await leases.start();
        for (const next of steps) {
          if (next.do === 'pass') await passSkewed(world, members, next);
          else if (next.do === 'commit') await commit();
          else {
            const member = members[next.who];
            const epoch = 'lease' in next ? member.given.at(-1 - next.lease)?.epoch : undefined;
            if (next.do === 'stop') member.clock.stop();
            if (next.do === 'resume') member.clock.resume();
            if (next.do === 'beat' && !member.clock.stopped) await member.leases.beat().catch(() => {});
            if (next.do === 'slow') slowDown(world, members, next);
            if (next.do === 'write' && epoch !== undefined) {
              const epochWritten = await world.database.transaction((tx) => fenced(tx, scope, epoch));
              if (epochWritten === undefined) refused += 1;
              else accepted.push(epochWritten);
            }
            if (next.do === 'begin' && epoch !== undefined && open === undefined) {
              open = await beginWrite(world, async (tx) => {
                const epochWritten = await fenced(tx, scope, epoch);
                return () => epochWritten !== undefined && accepted.push(epochWritten);
              });
            }
          }
          await world.settle();
          const believers = members.filter(({ leases }) => leases.held.length > 0);
          assert.ok(believers.length <= 1, 'two owners believe that they hold the slot');
        }
        await commit();
        assert.deepEqual(
          accepted,
          [...accepted].sort((a, b) => Number(a - b)),
          'writes of two owners overlap',
        );
        const epochs = members.flatMap(({ given }) => given.map(({ epoch }) => epoch));
        assert.equal(new Set(epochs).size, epochs.length, 'an epoch was given twice');
        takeovers += epochs.length - 1;
        for (const { clock, leases } of members) {
          clock.resume();
          const closing = leases.close();
          await world.settle();
          clock.pass(10_000);
          await closing;
        }
      }),
      { numRuns: 30, endOnFailure: true },
    );
    assert.ok(takeovers > 30 && refused > 30, `too tame: ${takeovers} takeovers, ${refused} refused writes`);
  }).timeout(60_000);
});

/** The members' clocks go up to five per cent faster or slower than the database's. */
const passSkewed = async (
  world: LeaseWorld,
  members: readonly [Member, Member],
  { ms, skew }: { readonly ms: number; readonly skew: number },
): Promise<void> => {
  await world.passInDatabase(ms);
  members[0].clock.pass(ms * (1 + skew / 100));
  members[1].clock.pass(ms * (1 - skew / 100));
};

/** The member's next statement takes so long, by every clock; only one, or the time that it takes would bring the next. */
const slowDown = (world: LeaseWorld, members: readonly [Member, Member], { who, before, after }: SlowStep): void => {
  const member = members[who];
  const pass = (ms: number): Promise<void> => passSkewed(world, members, { ms, skew: 0 });
  const quick = (): void => {};
  const slowAnswer = (): Promise<void> => {
    member.around = { before: quick, after: quick };
    return pass(after);
  };
  const slowRequest = (): Promise<void> => {
    member.around = { before: quick, after: slowAnswer };
    return pass(before);
  };
  member.around = { before: slowRequest, after: quick };
};

/** A transaction that stays open, and commits when it is told to. */
const beginWrite = async (
  world: LeaseWorld,
  write: (tx: object) => Promise<() => unknown>,
): Promise<{ readonly done: Promise<void>; commit(): void }> => {
  const written = Promise.withResolvers<() => unknown>();
  const go = Promise.withResolvers<void>();
  const done = world.database.transaction(async (tx) => {
    written.resolve(await write(tx));
    await go.promise;
  });
  const accept = await written.promise;
  return {
    done: done.then(() => {
      accept();
    }),
    commit: go.resolve,
  };
};
