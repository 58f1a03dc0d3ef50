import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { baseSchema, checkSchema, migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { freshDatabase, ownPostgres, type PostgresServer } from '../../harness/index.ts';

describe('a standby', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  before(async () => {
    server = await ownPostgres();
  });
  after(() => server.close());

  it('is refused, and its connection given up, so that the pool asks anew which server is the primary', async () => {
    const fresh = await freshDatabase(server);
    const pool = new Pool({ connectionString: fresh.url, max: 1 });
    const database = pgDatabase(pool);
    await migrate(database, [baseSchema]);
    await pool.query("copy (select '') to program 'touch standby.signal'");
    await server.stop('fast');
    await server.start();
    await assert.rejects(checkSchema(database, [baseSchema]), (error) => isHoldfastError(error, 'not_primary'));
    assert.equal(pool.totalCount, 0);
    await pool.query('select pg_promote()');
    await checkSchema(database, [baseSchema]);
    await pool.end();
  });
});
