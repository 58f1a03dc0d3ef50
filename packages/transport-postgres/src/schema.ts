import { baseSchema, type SchemaModule } from '@holdfast/postgres';
import { createAppendFunction } from './schema-append.ts';
import { createLogTables } from './schema-log.ts';
import { createReadFunction } from './schema-read.ts';
import { createRetentionFunctions } from './schema-retention.ts';

/** The tables of the Postgres transport. Give it to `migrate`. */
export const postgresTransportSchema: SchemaModule = {
  name: 'transport-postgres',
  needs: [baseSchema],
  migrations: [
    {
      version: 1,
      name: 'log',
      sql: (schema) =>
        [createLogTables, createAppendFunction, createReadFunction, createRetentionFunctions]
          .map((sql) => sql(schema))
          .join(''),
    },
  ],
};
