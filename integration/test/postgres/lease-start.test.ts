import assert from 'node:assert/strict';
import { silentLog } from '@holdfast/core';
import { baseSchema, createLeases, migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { eventually, freshDatabase, tcpProxy } from '../../harness/index.ts';

describe('the start of leases', () => {
  it('waits for a database that is away or slower than a beat, and then holds its slots', async () => {
    const fresh = await freshDatabase();
    const proxy = await tcpProxy({ targetPort: Number(new URL(fresh.url).port) });
    const pool = new Pool({ connectionString: proxy.through(fresh.url) });
    const database = pgDatabase(pool);
    await migrate(database, [baseSchema]);
    const leases = createLeases({
      ...{ database, scope: 'start', slots: 2, leaseMs: 300, runtime: { log: silentLog } },
      onAcquired: () => {},
      onReleasing: () => {},
      onLost: () => {},
    });

    proxy.cut();
    proxy.inject({ fault: 'refuse' });
    const starting = leases.start();
    const refused = proxy.counts.cuts;
    await eventually(() => assert.ok(proxy.counts.cuts > refused + 2, 'it asks again'));
    proxy.inject({ fault: 'delay', latencyMs: 400 });
    await eventually(() => assert.match(leases.health().reasons.join(), /no answer from Postgres within 100 ms/));
    assert.equal(leases.held.length, 0);
    proxy.heal();
    await starting;
    await eventually(() => assert.equal(leases.held.length, 2));

    await leases.close();
    await pool.end();
    await proxy.close();
    await fresh.drop();
  });
});
