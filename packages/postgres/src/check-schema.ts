import { HoldfastError } from '@holdfast/core';
import type { Database, Row } from './database.ts';
import { type MigrationStep, stepsOf } from './migration-record.ts';
import { inOrder, type SchemaModule } from './schema-module.ts';
import { sqlState } from './sql-state.ts';

const advice =
  'run `migrate(database, modules)`, or what `printMigrations` prints, before this version of the code starts';

/** The tables are not there at all. */
export class SchemaMissingError extends HoldfastError {
  override readonly code = 'schema_missing';
  constructor(schema: string, modules: readonly string[]) {
    super(`schema ${schema} has no tables of ${modules.map((name) => `'${name}'`).join(', ')}: ${advice}`);
  }
}

/** The tables are older than the code. */
export class SchemaBehindError extends HoldfastError {
  override readonly code = 'schema_behind';
  constructor(schema: string, missing: readonly MigrationStep[]) {
    const names = missing.map(({ module, migration }) => `${module} ${migration.version} (${migration.name})`);
    super(`schema ${schema} lacks ${names.length} migrations: ${names.join(', ')}; ${advice}`);
  }
}

/** The server takes no writes, and what it shows may lag behind. */
export class NotPrimaryError extends HoldfastError {
  override readonly code = 'not_primary';
  constructor() {
    super('found a standby in recovery, expected the primary: connect to the server that takes writes', {
      retryable: true,
    });
  }
}

/**
 * Checks that the tables of the modules, and of what they need, are there and not older than the code; newer ones pass.
 * Throws `schema_missing`, `schema_behind` or, on a standby, `not_primary`. One statement.
 */
export const checkSchema = async <Tx>(database: Database<Tx>, modules: readonly SchemaModule[]): Promise<void> => {
  const { schema } = database;
  const ordered = inOrder(modules);
  const rows = await records(database);
  if (rows === undefined)
    throw new SchemaMissingError(
      schema,
      ordered.map(({ name }) => name),
    );
  if (rows[0]?.standby === 'true') {
    await leaveStandby(database);
    throw new NotPrimaryError();
  }
  const run = new Set(rows.map((row) => `${row.module} ${row.version}`));
  const there = new Set(rows.map((row) => row.module));
  const absent = ordered.filter(({ name, migrations }) => migrations.length > 0 && !there.has(name));
  if (absent.length > 0)
    throw new SchemaMissingError(
      schema,
      absent.map(({ name }) => name),
    );
  const missing = stepsOf(ordered).filter(({ module, migration }) => !run.has(`${module} ${migration.version}`));
  if (missing.length > 0) throw new SchemaBehindError(schema, missing);
};

/** The recorded migrations, at least one row; undefined where there is no such table. */
const records = async <Tx>(database: Database<Tx>): Promise<readonly Row[] | undefined> => {
  const text = `select pg_is_in_recovery()::text as standby, module::text, version::text
    from (select) as one left join ${database.schema}.migrations on true`;
  try {
    return await database.execute(text, []);
  } catch (error) {
    const state = sqlState(error);
    if (state === '42P01' || state === '3F000') return undefined;
    throw error;
  }
};

/** A standby refuses this with 25006, after which a pool gives the connection up and asks anew where the primary is. */
const leaveStandby = async <Tx>(database: Database<Tx>): Promise<void> => {
  await database.execute(`lock table ${database.schema}.migrations in share mode`, []).catch(() => {});
};
