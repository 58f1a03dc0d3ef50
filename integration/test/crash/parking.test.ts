import assert from 'node:assert/strict';
import { type BrokerServer, startBroker } from './broker-server.ts';
import type { CrashWorld } from './crash-world.ts';
import { scenario } from './scenario.ts';
import { wholeBetween } from './seeded-random.ts';

const leaseMs = 2_000;
const consumer = { leaseMs, concurrency: 16, failsOneOf: 12 };
const load = { writers: 3, pauseMs: 60 };
const points = ['parking.afterStore.beforeAck', 'parking.afterRest', 'consumer.afterEffect.beforeAck'] as const;

/** Keys are parked all the time, and consumers die where it matters most. */
const killWhileParking = async (world: CrashWorld): Promise<void> => {
  const { start } = world;
  await Promise.all([start('relay', { leaseMs }), start('consumer', consumer), start('shop', load)]);
  await world.goesOn(50);
  for (const point of points) {
    const nth = wholeBetween(world.random, 2, 8);
    const victim = await start('consumer', { ...consumer, trap: { point, nth, signal: 'SIGKILL' } });
    await victim.killedByTrap();
    await world.fault(`${victim.name} was killed at ${point}`);
    await world.goesOn(40);
  }
  await world.finish({ faults: points.length });
  assert.ok((await world.count(selectParked)) >= 10, 'hardly anything was parked');
  assert.equal(await world.count('select count(*) from holdfast.inbox_sequences'), 0, 'keys are still parked');
};

/** So many were ever parked. */
const selectParked = `select last_value from pg_sequences where sequencename = 'inbox_parked_seq_seq'`;

const title = 'P2, P3, P4, P8: keys are parked and drained in order while consumers are killed at it';

describe('parking over postgres', () => {
  scenario(title, killWhileParking);
});

for (const transport of ['kafka', 'rabbitmq', 'redis'] as const) {
  describe(`parking over ${transport}`, () => {
    let broker: BrokerServer;
    before(async () => {
      broker = await startBroker(transport);
    }).timeout(60_000);
    after(() => broker.close());
    scenario(title, killWhileParking, () => ({ broker: broker.broker }));
  });
}
