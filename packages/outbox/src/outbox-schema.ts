import type { SchemaModule } from '@holdfast/postgres';
import { type RelayTable, relayTable } from '@holdfast/relay';

export const outboxTable: RelayTable = relayTable('outbox');

/** The outbox's tables and functions. */
export const outboxSchema: SchemaModule = outboxTable.schema;
