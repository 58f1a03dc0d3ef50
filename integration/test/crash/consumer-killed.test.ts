import assert from 'node:assert/strict';
import { scenario } from './scenario.ts';
import { wholeBetween } from './seeded-random.ts';

const crashes = 3;

describe('a consumer that is killed', () => {
  scenario('P2, P3, P4: after its effect and before its ack', async (world) => {
    const [survivor] = await Promise.all([world.start('consumer'), world.start('relay'), world.start('shop')]);
    await world.goesOn(100);
    for (let crash = 0; crash < crashes; crash++) {
      const nth = wholeBetween(world.random, 5, 60);
      const consumer = await world.start('consumer', {
        trap: { point: 'consumer.afterEffect.beforeAck', nth, signal: 'SIGKILL' },
      });
      await consumer.killedByTrap();
      await world.fault(`${consumer.name} was killed at its ack number ${nth}`);
      await world.goesOn(100);
    }
    await world.finish({ faults: crashes });
    assert.ok(Number((await survivor.closed()).duplicates) > 0, 'no copy had to be turned away');
  });

  scenario('P2, P3, P4: after its effect and before the commit of it', async (world) => {
    await Promise.all([world.start('consumer'), world.start('relay'), world.start('shop')]);
    await world.goesOn(100);
    for (let crash = 0; crash < crashes; crash++) {
      const nth = wholeBetween(world.random, 5, 60);
      const consumer = await world.start('consumer', {
        trap: { point: 'inbox.afterEffect.beforeCommit', nth, signal: 'SIGKILL' },
      });
      await consumer.killedByTrap();
      await world.fault(`${consumer.name} was killed at its commit number ${nth}`);
      await world.goesOn(100);
    }
    await world.finish({ faults: crashes });
    const { effects } = await world.progress();
    assert.ok((await world.count('select last_value from effects_tried')) > effects, 'no effect was rolled back');
  });
});
