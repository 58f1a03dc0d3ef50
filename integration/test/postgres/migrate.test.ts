import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import {
  baseSchema,
  checkSchema,
  type Database,
  migrate,
  pgDatabase,
  printMigrations,
  type SchemaModule,
} from '@holdfast/postgres';
import { Pool, type PoolClient } from 'pg';
import { type FreshDatabase, freshDatabase, spawnChild } from '../../harness/index.ts';

const create = (table: string) => (schema: string) => `create table ${schema}.${table} (id integer)`;
const shop: SchemaModule = {
  name: 'shop',
  needs: [baseSchema],
  migrations: [
    { version: 1, name: 'carts', sql: create('carts') },
    { version: 2, name: 'orders', sql: create('orders') },
  ],
};
const newerShop: SchemaModule = {
  ...shop,
  migrations: [...shop.migrations, { version: 3, name: 'returns', sql: create('returns') }],
};

describe('migrations', () => {
  let fresh: FreshDatabase;
  let pool: Pool;
  let database: Database<PoolClient>;
  beforeEach(async () => {
    fresh = await freshDatabase();
    pool = new Pool({ connectionString: fresh.url });
    database = pgDatabase(pool);
  });
  afterEach(async () => {
    await pool.end();
    await fresh.drop();
  });
  const recorded = async (): Promise<readonly string[]> => {
    const { rows } = await pool.query(
      'select module, version from holdfast.migrations order by applied_at, module, version',
    );
    return rows.map(({ module, version }) => `${module} ${version}`);
  };

  it('run what is needed first, and each of them once', async () => {
    await migrate(database, [shop]);
    await migrate(database, [shop, baseSchema]);
    assert.deepEqual(await recorded(), ['base 1', 'base 2', 'shop 1', 'shop 2']);
  });

  it('run once although many processes start at the same time', async () => {
    const module = new URL('children/migrate.ts', import.meta.url);
    const children = Array.from({ length: 4 }, () => spawnChild(module, [fresh.url]));
    await Promise.all(children.map((child) => child.saw({ ready: true })));
    for (const child of children) child.tell({ go: true });
    const endings = await Promise.all(children.map((child) => child.ended));
    assert.deepEqual(
      endings.map(({ code }) => code),
      [0, 0, 0, 0],
      children.map(({ output }) => output).join('\n'),
    );
    assert.deepEqual(await recorded(), ['base 1', 'base 2']);
    await checkSchema(database, [baseSchema]);
  });

  it('run once although many connections start at the same time', async () => {
    await Promise.all(Array.from({ length: 8 }, () => migrate(database, [newerShop])));
    assert.deepEqual(await recorded(), ['base 1', 'base 2', 'shop 1', 'shop 2', 'shop 3']);
  });

  it('leave whole migrations only when one fails, and go on from there', async () => {
    const broken: SchemaModule = {
      ...shop,
      migrations: [
        ...shop.migrations,
        { version: 3, name: 'broken', sql: (schema) => `create table ${schema}.half (); select 1/0` },
      ],
    };
    await assert.rejects(migrate(database, [broken]));
    assert.deepEqual(await recorded(), ['base 1', 'base 2', 'shop 1', 'shop 2']);
    assert.equal((await pool.query("select to_regclass('holdfast.half') as half")).rows[0]?.half, null);
    await migrate(database, [newerShop]);
    assert.deepEqual((await recorded()).at(-1), 'shop 3');
  });

  it('refuse a migration that was changed after it was run', async () => {
    await migrate(database, [shop]);
    const changed = { ...shop, migrations: [{ version: 1, name: 'carts', sql: create('baskets') }] };
    await assert.rejects(migrate(database, [changed]), (error) => isHoldfastError(error, 'migration_changed'));
  });

  it('leave a database alone that is newer than the code', async () => {
    await migrate(database, [newerShop]);
    await migrate(database, [shop]);
    await checkSchema(database, [shop]);
    assert.deepEqual((await recorded()).at(-1), 'shop 3');
  });

  it('need no right to create a schema where it exists', async () => {
    const role = `limited_${Date.now()}`;
    await pool.query(`create role ${role} login password 'limited'; create schema holdfast authorization ${role}`);
    const url = new URL(fresh.url);
    url.username = role;
    url.password = 'limited';
    const limited = new Pool({ connectionString: url.href });
    try {
      await migrate(pgDatabase(limited), [baseSchema]);
      await checkSchema(pgDatabase(limited), [baseSchema]);
    } finally {
      await limited.end();
      await pool.query(`drop owned by ${role} cascade; drop role ${role}`);
    }
  });

  it('go into the schema that was asked for', async () => {
    await migrate(pgDatabase(pool, { schema: 'reliable' }), [shop]);
    await checkSchema(pgDatabase(pool, { schema: 'reliable' }), [shop]);
    await assert.rejects(checkSchema(database, [shop]), (error) => isHoldfastError(error, 'schema_missing'));
  });

  it('are named as missing where the tables, or those of one module, are not there', async () => {
    await assert.rejects(checkSchema(database, [shop]), (error) => isHoldfastError(error, 'schema_missing'));
    await migrate(database, [baseSchema]);
    await assert.rejects(
      checkSchema(database, [shop]),
      (error) =>
        isHoldfastError(error, 'schema_missing') && /'shop'/.test(error.message) && !/'base'/.test(error.message),
    );
  });

  it('are named as behind where the code has more of them, with what to do', async () => {
    await migrate(database, [shop]);
    await assert.rejects(
      checkSchema(database, [newerShop]),
      (error) => isHoldfastError(error, 'schema_behind') && /shop 3 \(returns\).*run `migrate/.test(error.message),
    );
  });

  it('can be printed and run by another tool, and take turns with it', async () => {
    await pool.query(printMigrations([shop]));
    await checkSchema(database, [shop]);
    await migrate(database, [newerShop]);
    assert.deepEqual(await recorded(), ['base 1', 'base 2', 'shop 1', 'shop 2', 'shop 3']);
  });
});

describe("the database's clock", () => {
  it('is read through now(), which a session can move', async () => {
    const fresh = await freshDatabase();
    const pool = new Pool({ connectionString: fresh.url, max: 1 });
    try {
      await migrate(pgDatabase(pool), [baseSchema]);
      const ahead = async (): Promise<number> =>
        Number((await pool.query('select extract(epoch from holdfast.now() - clock_timestamp()) as s')).rows[0]?.s);
      assert.ok(Math.abs(await ahead()) < 1);
      await pool.query("set holdfast.clock_offset = '1 hour'");
      assert.ok(Math.abs((await ahead()) - 3_600) < 1);
      await pool.query('reset holdfast.clock_offset');
      assert.ok(Math.abs(await ahead()) < 1);
    } finally {
      await pool.end();
      await fresh.drop();
    }
  });
});
