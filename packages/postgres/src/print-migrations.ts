import { createRecordsStatement, type MigrationStep, stepsOf } from './migration-record.ts';
import { quoteLiteral, quoteSchema } from './quote-identifier.ts';
import { inOrder, type SchemaModule } from './schema-module.ts';

export interface PrintMigrationsOptions {
  /** Default `holdfast`. */
  readonly schema?: string | undefined;
}

/**
 * The migrations of the modules, and of what they need, as one SQL script for other tools: what {@link migrate} would
 * run in an empty database, with its records, so that the two can take turns. Each migration is one transaction.
 */
export const printMigrations = (modules: readonly SchemaModule[], options: PrintMigrationsOptions = {}): string => {
  const schema = quoteSchema(options.schema);
  const begin = `create schema if not exists ${schema};\n${createRecordsStatement(schema)};\n`;
  return [begin, ...stepsOf(inOrder(modules)).map((step) => printStep(schema, step))].join('\n');
};

const printStep = (schema: string, { module, migration, checksum }: MigrationStep): string => {
  const { version, name, sql } = migration;
  const values = [quoteLiteral(module), String(version), quoteLiteral(name), quoteLiteral(checksum)].join(', ');
  return `-- ${module} ${version}: ${name}
begin;
${sql(schema).trim().replace(/;?$/, ';')}
insert into ${schema}.migrations (module, version, name, checksum) values (${values});
commit;
`;
};
