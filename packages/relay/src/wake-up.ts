import { createHash } from 'node:crypto';
import type { Database } from '@holdfast/postgres';
import type { RelayTable } from './relay-table.ts';

const relays = new WeakMap<object, Map<string, Set<() => void>>>();

const relaysOf = <Tx>(database: Database<Tx>, table: RelayTable): Set<() => void> => {
  const tables = relays.get(database) ?? new Map<string, Set<() => void>>();
  relays.set(database, tables);
  const wakers = tables.get(table.name) ?? new Set();
  tables.set(table.name, wakers);
  return wakers;
};

/** Wakes the relays of this process that drain the table through the same database object, without a round trip. */
export const wakeRelays = <Tx>(database: Database<Tx>, table: RelayTable): void => {
  for (const wake of relaysOf(database, table)) wake();
};

/** Calls `wake` for every {@link wakeRelays}, until the returned function is called. */
export const onWakeRelays = <Tx>(database: Database<Tx>, table: RelayTable, wake: () => void): (() => void) => {
  const wakers = relaysOf(database, table);
  wakers.add(wake);
  return () => {
    wakers.delete(wake);
  };
};

/** The channel on which relays in other processes are woken. */
export const wakeChannel = <Tx>(database: Database<Tx>, table: RelayTable): string => {
  const name = `${database.schema.replaceAll('"', '')}.${table.name}`;
  return name.length <= 63 ? name : `holdfast.${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
};
