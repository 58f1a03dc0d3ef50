import assert from 'node:assert/strict';
import { ownPostgres } from '../../harness/index.ts';
import { scenario } from './scenario.ts';
import { wholeBetween } from './seeded-random.ts';

const startedAt = 'select extract(epoch from pg_postmaster_start_time())';

describe('Postgres', () => {
  scenario(
    'P2, P3, P4: stopped without a shutdown under load, and started again',
    async (world) => {
      const roles = ['relay', 'relay', 'consumer', 'consumer'] as const;
      await Promise.all(roles.map((role) => world.start(role)));
      const shop = await world.start('shop');
      for (let stop = 0; stop < 2; stop++) {
        await world.goesOn(wholeBetween(world.random, 100, 300));
        const before = await world.count(startedAt);
        await world.fault('Postgres was stopped');
        await world.server?.stop('immediate');
        await world.server?.start();
        assert.ok((await world.count(startedAt)) > before, 'it is the same server');
      }
      await world.goesOn(100);
      await world.finish();
      const { failed, unknown } = await shop.closed();
      assert.ok(Number(failed) > 0 || (Array.isArray(unknown) && unknown.length > 0), 'the shop has not met it');
    },
    async () => ({ server: await ownPostgres() }),
  );
});
