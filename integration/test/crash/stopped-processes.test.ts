import assert from 'node:assert/strict';
import { eventually, tcpProxy } from '../../harness/index.ts';
import type { CrashWorld } from './crash-world.ts';
import type { RoleSettings, Worker } from './crew.ts';
import { scenario } from './scenario.ts';
import { wholeBetween } from './seeded-random.ts';

type Settings = Pick<RoleSettings, 'relay' | 'consumer'>;

/** A consumer that stands still holds its transactions open, and so the handlers of those that have its copies. */
const few = { concurrency: 8 };
const many = { concurrency: 24 };

const trapped = ({ child }: Worker): Promise<unknown> => child.saw((line) => 'trapped' in line);

const selectMembers = `
  select count(*) from holdfast.lease_members
  where scope = 'relay outbox' and split_part(owner, '/', 1) = $1 and expires_at > holdfast.now()`;

/** Those who carry on, and the load. */
const startOthers = (world: CrashWorld): Promise<unknown> =>
  Promise.all([world.start('relay'), world.start('consumer', many), world.start('shop')]);

const startTwo = (
  { start }: CrashWorld,
  { relay = {}, consumer = {} }: Partial<Settings> = {},
): Promise<[Worker, Worker]> => Promise.all([start('relay', relay), start('consumer', { ...few, ...consumer })]);

const owns = async ({ owners }: CrashWorld): Promise<readonly string[]> => [
  ...(await owners('relay outbox')).keys(),
  ...(await owners('log:%:billing')).keys(),
];

const takenOver = (world: CrashWorld, workers: readonly Worker[]): Promise<void> =>
  eventually(async () => {
    const owners = await owns(world);
    assert.deepEqual([owners.length, workers.filter(({ name }) => owners.includes(name))], [2, []]);
  });

const ownAgain = (world: CrashWorld, workers: readonly Worker[]): Promise<void> =>
  eventually(async () => {
    const owners = await owns(world);
    for (const { name } of workers) assert.ok(owners.includes(name), `${name} owns nothing`);
  });

/** What is stopped is continued when others own everything and have got on with it. */
const continueLate = async (world: CrashWorld, workers: readonly Worker[], go: () => void): Promise<void> => {
  const names = workers.map(({ name }) => name).join(' and ');
  await takenOver(world, workers);
  await world.fault(`${names} stood still past their leases`);
  await world.goesOn(wholeBetween(world.random, 20, 150));
  go();
  await ownAgain(world, workers);
  await world.goesOn(50);
};

describe('a relay and a consumer that stand still for longer than their leases', () => {
  const traps = [
    ['relay.beforeHandOver', 'inbox.afterEffect.beforeCommit'],
    ['relay.afterConfirm.beforeDelete', 'consumer.afterEffect.beforeAck'],
  ] as const;

  scenario('P2, P3, P4: at any time', async (world) => {
    await startOthers(world);
    const workers = await startTwo(world);
    for (let stop = 0; stop < 2; stop++) {
      await ownAgain(world, workers);
      await world.goesOn(wholeBetween(world.random, 50, 200));
      for (const { child } of workers) child.signal('SIGSTOP');
      await continueLate(world, workers, () => {
        for (const { child } of workers) child.signal('SIGCONT');
      });
    }
    await world.finish();
  });

  scenario('P2, P3, P4: just before they hand over, commit, delete and ack', async (world) => {
    await startOthers(world);
    for (const [ofRelay, ofConsumer] of traps) {
      const nth = wholeBetween(world.random, 5, 20);
      const workers = await startTwo(world, {
        relay: { trap: { point: ofRelay, nth, signal: 'SIGSTOP' } },
        consumer: { trap: { point: ofConsumer, nth, signal: 'SIGSTOP' } },
      });
      await Promise.all(workers.map(trapped));
      await continueLate(world, workers, () => {
        for (const { child } of workers) child.signal('SIGCONT');
      });
      await Promise.all(workers.map((worker) => worker.close()));
    }
    await world.finish();
  });

  scenario('P3: just before it deletes, while its successor has not come to that yet', async (world) => {
    const trap = (nth: number) => ({ point: 'relay.afterConfirm.beforeDelete', nth, signal: 'SIGSTOP' }) as const;
    await Promise.all([world.start('consumer'), world.start('shop')]);
    const stale = await world.start('relay', { trap: trap(wholeBetween(world.random, 5, 20)) });
    await trapped(stale);
    await eventually(async () => assert.ok((await world.progress()).effects > 0));
    await world.fault(`${stale.name} stands still`);
    const successor = await world.start('relay', { trap: trap(1), leaseMs: 5_000 });
    await trapped(successor);
    stale.child.signal('SIGCONT');
    // Now it knows that it was late: its deletion has been sent, and been refused.
    await eventually(async () => assert.equal(await world.count(selectMembers, stale.name), 1));
    successor.child.signal('SIGCONT');
    await world.goesOn(50);
    await world.fault(`${successor.name} went on`);
    await world.goesOn(50);
    await world.finish();
  });

  scenario('P2, P3, P4: because their network does, which delivers late what they had sent', async (world) => {
    const proxy = await tcpProxy({ targetPort: Number(new URL(world.url).port), random: world.random });
    try {
      await startOthers(world);
      const url = proxy.through(world.url);
      const workers = await startTwo(world, { relay: { url }, consumer: { url } });
      for (let freeze = 0; freeze < 2; freeze++) {
        await ownAgain(world, workers);
        await world.goesOn(wholeBetween(world.random, 50, 200));
        proxy.inject({ fault: 'freeze' });
        await continueLate(world, workers, proxy.heal);
      }
      await world.finish();
    } finally {
      await proxy.close();
    }
  });
});
