import assert from 'node:assert/strict';
import { eventually } from '../../harness/index.ts';
import { shards } from './contracts.ts';
import type { CrashWorld } from './crash-world.ts';
import { scenario } from './scenario.ts';
import { oneOf, wholeBetween } from './seeded-random.ts';

const changes = 5;

/** Resolves when all of them share the shards, and nobody else has any. */
const shared = (world: CrashWorld): Promise<void> =>
  eventually(async () => {
    const names = world.running('relay').map(({ name }) => name);
    const owners = await world.owners('relay outbox');
    assert.deepEqual([...owners.keys()].sort(), names.sort());
    assert.equal(
      [...owners.values()].reduce((sum, slots) => sum + slots, 0),
      shards,
    );
  });

describe('relays', () => {
  scenario('P2, P3, P4: race, join and leave', async (world) => {
    await Promise.all([
      ...Array.from({ length: 3 }, () => world.start('relay')),
      world.start('consumer'),
      world.start('shop'),
    ]);
    await shared(world);
    for (let change = 0; change < changes; change++) {
      const relays = world.running('relay');
      await world.goesOn(wholeBetween(world.random, 20, 100));
      if (relays.length < 2 || (relays.length < 4 && world.random() < 0.5)) {
        const { name } = await world.start('relay');
        await world.fault(`${name} joined`);
      } else {
        const relay = oneOf(world.random, relays);
        await relay.close();
        await world.fault(`${relay.name} left`);
      }
      await shared(world);
    }
    await world.goesOn(50);
    await world.finish({ faults: changes });
    const deleters = "select count(distinct p) from harness_entries where f = 'write' and key like 'shard %'";
    assert.ok((await world.count(deleters)) >= 3, 'fewer than three relays have deleted anything');
  });
});
