import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { drizzleDatabase, kyselyDatabase, postgresJsDatabase } from '@holdfast/postgres';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import postgres from 'postgres';
import { type FreshDatabase, freshDatabase } from '../../harness/index.ts';

describe('a client library set up in a way that cannot work', () => {
  let fresh: FreshDatabase;
  before(async () => {
    fresh = await freshDatabase();
  });
  after(() => fresh.drop());

  it('Drizzle over one connection, which transactions and other statements would share, is refused at the first transaction', async () => {
    const client = new Client({ connectionString: fresh.url });
    await client.connect();
    try {
      const database = drizzleDatabase(drizzle(client));
      await assert.rejects(
        database.transaction(() => assert.fail('it ran')),
        (error) => isHoldfastError(error, 'invalid_option') && /pool/.test(error.message),
      );
    } finally {
      await client.end();
    }
  });

  it('postgres.js with a renaming of columns that cannot be undone is refused at once', async () => {
    const sql = postgres(fresh.url, { transform: { column: { from: postgres.toCamel } } });
    assert.throws(
      () => postgresJsDatabase(sql),
      (error) => isHoldfastError(error, 'invalid_option'),
    );
    await sql.end();
  });

  it('Kysely without the client under it cannot listen, and says so', async () => {
    const pool = new Pool({ connectionString: fresh.url });
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
    assert.equal(kyselyDatabase(db).listen, undefined);
    assert.notEqual(kyselyDatabase(db, { client: pool }).listen, undefined);
    await db.destroy();
  });
});
