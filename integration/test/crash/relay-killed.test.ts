import assert from 'node:assert/strict';
import { copiesIn } from './log-copies.ts';
import { scenario } from './scenario.ts';
import { oneOf, wholeBetween } from './seeded-random.ts';

const crashes = 3;
const kills = 4;

describe('a relay that is killed', () => {
  scenario('P2, P3, P4: between publishing and deleting, again and again', async (world) => {
    await Promise.all([world.start('consumer'), world.start('relay'), world.start('shop')]);
    await world.goesOn(100);
    for (let crash = 0; crash < crashes; crash++) {
      const nth = wholeBetween(world.random, 2, 30);
      const relay = await world.start('relay', {
        trap: { point: 'relay.afterConfirm.beforeDelete', nth, signal: 'SIGKILL' },
      });
      await relay.killedByTrap();
      await world.fault(`${relay.name} was killed at its deletion number ${nth}`);
      await world.goesOn(100);
    }
    await world.finish({ faults: crashes });
    assert.ok((await copiesIn(world)) > 0, 'no message was published twice');
  });

  scenario('P2, P3, P4: at any time', async (world) => {
    await Promise.all((['consumer', 'relay', 'relay', 'shop'] as const).map((role) => world.start(role)));
    await world.goesOn(100);
    for (let crash = 0; crash < kills; crash++) {
      const relay = oneOf(world.random, world.running('relay'));
      await relay.kill();
      await world.fault(`${relay.name} was killed`);
      await world.start('relay');
      await world.goesOn(wholeBetween(world.random, 20, 150));
    }
    await world.finish({ faults: kills });
  });
});
