import { HoldfastError } from '@holdfast/core';
import type { Database } from './database.ts';
import { createRecordsStatement, type MigrationStep, stepsOf } from './migration-record.ts';
import { inOrder, type SchemaModule } from './schema-module.ts';

/** A migration that was run is not the one in the code. */
export class MigrationChangedError extends HoldfastError {
  override readonly code = 'migration_changed';
  constructor({ module, migration, checksum }: MigrationStep, found: string) {
    super(
      `migration ${migration.version} (${migration.name}) of '${module}' was run with checksum ${found}, the code has ` +
        `${checksum}; migrations never change once run: install the version that was run, or add a new migration`,
    );
  }
}

/**
 * Brings the tables of the modules, and of what they need, up to the code. Each migration runs in a transaction of its
 * own together with its record, under a lock: any number of processes may do it at once, and one that dies leaves
 * whole migrations only. A database that is newer than the code is left as it is.
 */
export const migrate = async <Tx>(database: Database<Tx>, modules: readonly SchemaModule[]): Promise<void> => {
  await database.transaction(async (tx) => {
    await lock(database, tx);
    await createSchema(database, tx);
  });
  for (const step of stepsOf(inOrder(modules))) {
    await database.transaction(async (tx) => {
      await lock(database, tx);
      await runOnce(database, tx, step);
    });
  }
};

const lock = async <Tx>(database: Database<Tx>, tx: Tx): Promise<void> => {
  await database.query(tx, "select pg_advisory_xact_lock(hashtextextended('holdfast.migrate', 0))::text as locked", []);
};

/** Looks first: `if not exists` demands the right to create a schema even where it exists. */
const createSchema = async <Tx>(database: Database<Tx>, tx: Tx): Promise<void> => {
  const { schema } = database;
  const [there] = await database.query(tx, 'select to_regnamespace($1::text)::text as schema', [schema]);
  if (there?.schema == null) await database.query(tx, `create schema ${schema}`, []);
  await database.query(tx, createRecordsStatement(schema), []);
};

const runOnce = async <Tx>(database: Database<Tx>, tx: Tx, step: MigrationStep): Promise<void> => {
  const { schema } = database;
  const { module, migration, checksum } = step;
  const [record] = await database.query(
    tx,
    `select checksum::text from ${schema}.migrations where module = $1::text and version = $2::text::integer`,
    [module, String(migration.version)],
  );
  if (record !== undefined) {
    if (record.checksum !== checksum) throw new MigrationChangedError(step, record.checksum ?? 'none');
    return;
  }
  await database.query(tx, migration.sql(schema), []);
  await database.query(
    tx,
    `insert into ${schema}.migrations (module, version, name, checksum)
     values ($1::text, $2::text::integer, $3::text, $4::text)`,
    [module, String(migration.version), migration.name, checksum],
  );
};
