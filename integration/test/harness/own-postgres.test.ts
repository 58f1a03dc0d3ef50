import assert from 'node:assert/strict';
import { Client } from 'pg';
import { eventually, ownPostgres, type PostgresServer, type PostgresStopMode } from '../../harness/index.ts';

const query = async (url: string, text: string, timeoutMs = 5_000): Promise<unknown[]> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(text);
    return rows;
  } finally {
    void client.end().catch(() => {});
  }
};

const startTimeOf = async (url: string): Promise<unknown> =>
  query(url, 'select pg_postmaster_start_time()::text as at');

describe("a test's own Postgres", () => {
  let server: PostgresServer;

  before(async () => {
    server = await ownPostgres();
    await query(server.url, 'create table kept (id int)');
  });

  after(() => server.close());

  it('syncs to the disk, as a production server does', async () => {
    assert.deepEqual(await query(server.url, 'show fsync'), [{ fsync: 'on' }]);
  });

  for (const mode of ['fast', 'immediate', 'kill'] satisfies PostgresStopMode[]) {
    it(`stops (${mode}) and starts again at the same URL with what was committed`, async () => {
      await query(server.url, 'insert into kept values (1)');
      const firstStart = await startTimeOf(server.url);
      await server.stop(mode);
      await assert.rejects(query(server.url, 'select 1'));
      await server.start();
      assert.notDeepEqual(await startTimeOf(server.url), firstStart);
      const [row] = await query(server.url, 'delete from kept returning id');
      assert.deepEqual(row, { id: 1 });
    });
  }

  it('ends the sessions when it is killed', async () => {
    const client = new Client({ connectionString: server.url });
    const broken = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    const sleeping = assert.rejects(client.query('select pg_sleep(60)'));
    await server.stop('kill');
    await Promise.all([broken, sleeping]);
    await server.start();
  });

  it('answers nothing while it is paused, keeps its connections, and goes on afterwards', async () => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    await server.pause();
    let answered = false;
    const answer = client.query('select 1').then(() => {
      answered = true;
    });
    await assert.rejects(query(server.url, 'select 1', 300));
    assert.equal(answered, false);
    await server.resume();
    await answer;
    await client.end();
  });

  it('stops although it is paused', async () => {
    await server.pause();
    await server.stop('fast');
    await server.start();
    await eventually(async () => assert.equal((await query(server.url, 'select 1')).length, 1));
  });

  it('takes settings', async () => {
    const fast = await ownPostgres(['fsync=off', 'max_connections=20']);
    const settings = "select name, setting from pg_settings where name in ('fsync', 'max_connections') order by name";
    assert.deepEqual(await query(fast.url, settings), [
      { name: 'fsync', setting: 'off' },
      { name: 'max_connections', setting: '20' },
    ]);
    await fast.close();
    await assert.rejects(query(fast.url, 'select 1'));
  });
});
