import { createHash } from 'node:crypto';
import type { Migration, SchemaModule } from './schema-module.ts';

/** One migration with what is recorded of it. */
export interface MigrationStep {
  readonly module: string;
  readonly migration: Migration;
  readonly checksum: string;
}

/** All steps of the modules, in the order in which they are run. */
export const stepsOf = (modules: readonly SchemaModule[]): readonly MigrationStep[] =>
  modules.flatMap(({ name, migrations }) =>
    [...migrations]
      .sort((a, b) => a.version - b.version)
      .map((migration) => ({ module: name, migration, checksum: checksumOf(migration) })),
  );

/** Of the statements as they are for any schema. */
const checksumOf = ({ sql }: Migration): string =>
  createHash('sha256').update(sql('"schema"')).digest('hex').slice(0, 16);

/** Where migrations are recorded. */
export const createRecordsStatement = (schema: string): string =>
  `create table if not exists ${schema}.migrations (
  module text not null,
  version integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (module, version)
)`;
