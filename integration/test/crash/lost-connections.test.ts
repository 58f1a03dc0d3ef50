import assert from 'node:assert/strict';
import { tcpProxy } from '../../harness/index.ts';
import { scenario } from './scenario.ts';
import { oneOf } from './seeded-random.ts';

const rounds = 3;
const backendsPerRound = 4;

const selectBackends = `
  select pid from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and application_name <> 'test'`;

describe('connections', () => {
  scenario('P2, P3, P4: ended by Postgres and by the network, under load', async (world) => {
    const proxy = await tcpProxy({ targetPort: Number(new URL(world.url).port), random: world.random });
    const url = proxy.through(world.url);
    const endSome = async (): Promise<number> => {
      const { rows } = await world.pool.query(selectBackends);
      const pids = Array.from({ length: backendsPerRound }, () => oneOf(world.random, rows).pid);
      const ended = 'select count(*) filter (where pg_terminate_backend(pid)) from unnest($1::int[]) as pid';
      return world.count(ended, `{${pids}}`);
    };
    try {
      await Promise.all(
        (['relay', 'relay', 'consumer', 'consumer', 'shop'] as const).map((r) => world.start(r, { url })),
      );
      await world.goesOn(100);
      for (let round = 0; round < rounds; round++) {
        assert.ok((await endSome()) > 0, 'no backend was ended');
        await world.fault('backends were ended');
        await world.goesOn(50);
        const { cuts } = proxy.counts;
        proxy.cut();
        assert.ok(proxy.counts.cuts > cuts, 'there was no connection to cut');
        await world.fault('all connections were cut');
        await world.goesOn(50);
      }
      await world.finish({ faults: 2 * rounds });
    } finally {
      await proxy.close();
    }
  });
});
