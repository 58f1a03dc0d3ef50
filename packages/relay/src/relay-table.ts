import { baseSchema, type SchemaModule } from '@holdfast/postgres';
import { createAddFunction } from './schema/add-function.ts';
import { createDelayedFunction } from './schema/delayed-function.ts';
import { createFetchFunctions } from './schema/fetch-functions.ts';
import { type Names, namesOf } from './schema/names.ts';
import { createParkFunctions } from './schema/park-functions.ts';
import { createPendingFunction } from './schema/pending-function.ts';
import { createRingFunction } from './schema/ring-function.ts';
import { createSettleFunctions } from './schema/settle-functions.ts';
import { createShardsFunction } from './schema/shards-function.ts';
import { createStartsFunctions } from './schema/starts-functions.ts';
import { createStatsFunction } from './schema/stats-function.ts';
import { createTables } from './schema/tables.ts';

/** A table that a relay drains: a ring of rows in order, with delayed and parked rows beside it. */
export interface RelayTable {
  readonly name: string;
  /** Makes the tables and functions; named like the table. */
  readonly schema: SchemaModule;
}

/**
 * Defines a relay table. Rows get in through its SQL function `<name>_add(jsonb)` only: it keeps the order that the relay
 * rests on. Leave INSERT on the table ungranted.
 */
export const relayTable = (name: string): RelayTable => ({
  name,
  schema: {
    name,
    needs: [baseSchema],
    migrations: [
      { version: 1, name: 'tables', sql: (schema) => createTables(namesOf(name, schema)) },
      { version: 2, name: 'functions', sql: (schema) => createFunctions(namesOf(name, schema)) },
    ],
  },
});

const createFunctions = (names: Names): string =>
  [
    createPendingFunction,
    createAddFunction,
    createFetchFunctions,
    createSettleFunctions,
    createParkFunctions,
    createDelayedFunction,
    createStartsFunctions,
    createRingFunction,
    createShardsFunction,
    createStatsFunction,
  ]
    .map((create) => create(names))
    .join('');
