import assert from 'node:assert/strict';
import { eventually } from '../../harness/index.ts';
import { type BrokerServer, startBroker } from './broker-server.ts';
import { OrderPlaced } from './contracts.ts';
import type { CrashWorld } from './crash-world.ts';
import type { RoleSettings } from './crew.ts';
import type { Trap } from './roles/role.ts';
import { scenario } from './scenario.ts';
import { wholeBetween } from './seeded-random.ts';

const leaseMs = 2_000;
const half = { relay: 'relay.afterConfirm.beforeDelete', consumer: 'consumer.afterEffect.beforeAck' } as const;

const start = <Role extends keyof RoleSettings>({ start }: CrashWorld, role: Role, settings?: RoleSettings[Role]) =>
  start(role, { leaseMs, ...settings } as RoleSettings[Role]);

/** So much that there is always some, and so little that what waits while a broker is away is soon worked off. */
const load = { writers: 3, pauseMs: 100 };

const startAll = (world: CrashWorld): Promise<unknown> =>
  Promise.all([start(world, 'relay'), start(world, 'consumer', { concurrency: 16 }), start(world, 'shop', load)]);

/** A second process of the role, which meets its trap half-way: what it did is done, and nobody was told. */
const startTrapped = (world: CrashWorld, role: keyof typeof half, signal: Trap['signal']) => {
  const trap = { point: half[role], nth: wholeBetween(world.random, 3, 15), signal };
  // One that stands still with a transaction open would hold up those that have its copies.
  return role === 'relay' ? start(world, 'relay', { trap }) : start(world, 'consumer', { trap, concurrency: 1 });
};

for (const transport of ['kafka', 'rabbitmq', 'redis'] as const) {
  describe(`over ${transport}`, () => {
    let broker: BrokerServer;

    before(async () => {
      broker = await startBroker(transport);
    }).timeout(60_000);

    after(() => broker.close());

    const options = () => ({ broker: broker.broker });

    scenario(
      'P2, P3, P4: a relay between publishing and deleting, and a consumer between effect and ack, are killed, or stand still past their leases',
      async (world) => {
        await startAll(world);
        await world.goesOn(50);
        for (const role of ['relay', 'consumer'] as const) {
          const worker = await startTrapped(world, role, 'SIGKILL');
          await worker.killedByTrap();
          await world.fault(`${worker.name} was killed`);
          await world.goesOn(50);
        }
        const still = await Promise.all(
          (['relay', 'consumer'] as const).map((role) => startTrapped(world, role, 'SIGSTOP')),
        );
        await Promise.all(still.map(({ child }) => child.saw((line) => 'trapped' in line)));
        await world.fault('a relay and a consumer stand still');
        // Others have taken over what was theirs.
        await world.catchesUp();
        for (const { child } of still) child.signal('SIGCONT');
        await world.goesOn(50);
        await world.finish({ faults: 3 });
        const { duplicates } = (await world.all.find(({ role }) => role === 'consumer')?.closed()) ?? {};
        assert.ok(Number(duplicates) > 0, 'no copy had to be turned away');
      },
      options,
    );

    scenario(
      'P1, P2, P3, P4: the broker is killed, its connections are cut and go half-open, and its replies are lost, under load',
      async (world) => {
        const { server, proxy } = broker;
        await startAll(world);
        await world.goesOn(50);
        await leaveOnBroker(world, 50);
        await server.stop('kill');
        await server.start();
        await Promise.all([start(world, 'consumer'), start(world, 'consumer')]);
        await world.fault('the broker was killed and started again');
        await world.goesOn(50);
        const { cuts } = proxy.counts;
        proxy.cut();
        assert.ok(proxy.counts.cuts > cuts, 'there was no connection to cut');
        await world.fault('all connections were cut');
        await world.goesOn(50);
        await loseReplies(proxy);
        await world.fault('replies to publishing were lost');
        await world.goesOn(50);
        proxy.inject({ fault: 'half-open' });
        await eventually(() => assert.ok(proxy.counts.droppedUp > 0));
        proxy.heal();
        await world.fault('all connections were half-open');
        await world.goesOn(50);
        await world.finish({ faults: 4 });
      },
      options,
    );
  });
}

const selectOnBroker = `
  select count(*) from harness_entries p
  where f = 'publish' and not exists (select from harness_entries e where e.f = 'effect' and e.id = p.id)
  and not exists (select from holdfast.outbox o where o.id = p.id)`;

/** Kills the consumers, and waits until the broker alone has so many messages: what it confirmed must outlive it. */
const leaveOnBroker = async (world: CrashWorld, messages: number): Promise<void> => {
  await Promise.all(world.running('consumer').map((consumer) => consumer.kill()));
  await eventually(async () => assert.ok((await world.count(selectOnBroker)) >= messages), { timeoutMs: 20_000 });
};

const loseReplies = async ({ counts, inject }: BrokerServer['proxy'], times = 2): Promise<void> => {
  const { cuts } = counts;
  inject({ fault: 'drop-reply', after: OrderPlaced.type, times });
  // Keys that have failed for as long as the broker was away may wait for as long again.
  await eventually(() => assert.ok(counts.cuts >= cuts + times), { timeoutMs: 40_000 });
};
