import { createHash } from 'node:crypto';
import type { Database } from '@holdfast/postgres';
import type { RelayTable } from './relay-table.ts';

/** A started relay of this process, as those see it who have added rows. */
export interface WakeableRelay {
  readonly route: string;
  /** No other relay has a shard of the route. */
  readonly ownsAll: boolean;
  wake(): void;
}

const relays = new WeakMap<object, Map<string, Set<WakeableRelay>>>();

const relaysOf = <Tx>(database: Database<Tx>, table: RelayTable): Set<WakeableRelay> => {
  const tables = relays.get(database) ?? new Map<string, Set<WakeableRelay>>();
  relays.set(database, tables);
  const started = tables.get(table.name) ?? new Set();
  tables.set(table.name, started);
  return started;
};

/**
 * Wakes the relays of this process that drain the table through the same database object, without a round trip. True: one
 * of them owns every shard of the route, so nobody elsewhere needs to hear of its rows.
 */
export const wakeRelays = <Tx>(database: Database<Tx>, table: RelayTable, route = ''): boolean => {
  let ownsAll = false;
  for (const relay of relaysOf(database, table)) {
    relay.wake();
    ownsAll ||= relay.route === route && relay.ownsAll;
  }
  return ownsAll;
};

/** The relay is woken by every {@link wakeRelays}, until the returned function is called. */
export const onWakeRelays = <Tx>(database: Database<Tx>, table: RelayTable, relay: WakeableRelay): (() => void) => {
  const started = relaysOf(database, table);
  started.add(relay);
  return () => {
    started.delete(relay);
  };
};

/** The channel on which relays in other processes are woken. */
export const wakeChannel = <Tx>(database: Database<Tx>, table: RelayTable): string => {
  const name = `${database.schema.replaceAll('"', '')}.${table.name}`;
  return name.length <= 63 ? name : `holdfast.${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
};
