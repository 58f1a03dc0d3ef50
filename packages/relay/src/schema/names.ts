import { quoteIdentifier } from '@holdfast/postgres';

/** How many partitions the ring has. */
export const ringSlots = 4;

/** The qualified, quoted names of one relay table's parts in one schema, and its lock classes. */
export interface Names {
  readonly schema: string;
  /** For use inside a string literal or as a prefix: `holdfast.outbox`. */
  readonly ring: string;
  readonly slot: (slot: number | string) => string;
  readonly part: (suffix: string) => string;
  /** The class of the advisory locks on keys: whoever holds a key's lock may add to it. */
  readonly keyClass: string;
  /** The class of the advisory locks that keep parking and unparking of one key apart. */
  readonly parkClass: string;
  /** The class of the advisory lock with which relays step aside for a truncation. */
  readonly ringClass: string;
}

export const namesOf = (table: string, schema: string): Names => {
  const part = (suffix: string): string => `${schema}.${quoteIdentifier(`${table}_${suffix}`)}`;
  const lockClass = (what: string): string => `hashtext('${schema.replaceAll("'", "''")}.${table} ${what}')`;
  return {
    schema,
    ring: `${schema}.${quoteIdentifier(table)}`,
    slot: (slot) => part(String(slot)),
    part,
    keyClass: lockClass('key'),
    parkClass: lockClass('park'),
    ringClass: lockClass('ring'),
  };
};

/** The lock number of a row's key, for a row of the given alias that has `key` and `route`. */
export const keyHash = (alias: string): string => `hashtext(${alias}.key || coalesce(${alias}.route, ''))`;
