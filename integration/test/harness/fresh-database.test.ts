import assert from 'node:assert/strict';
import { Client } from 'pg';
import { freshDatabase } from '../../harness/index.ts';

const tablesOf = async (url: string): Promise<string[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("select tablename from pg_tables where schemaname = 'public'");
  await client.query('create table seen (id int)');
  await client.end();
  return rows.map((row) => row.tablename);
};

describe('a fresh database', () => {
  it('is empty, whatever happened in another', async () => {
    const [first, second] = await Promise.all([freshDatabase(), freshDatabase()]);
    assert.deepEqual(await tablesOf(first.url), []);
    assert.deepEqual(await tablesOf(second.url), []);
    await Promise.all([first.drop(), second.drop()]);
  });
});
