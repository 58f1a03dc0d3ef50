/**
 * The one row whose columns, those of a unique index, have these values; goes with a `limit 1`. Bounds and an order that no other
 * index has, because of a new table Postgres supposes that it is small: by equalities it took the index of two of the columns,
 * and looked through all that was parked in the group for each message.
 */
export const rowAt = (alias: string, columns: readonly string[], values: readonly string[]): string => {
  const all = columns.map((column) => `${alias}.${column}`).join(', ');
  const given = values.join(', ');
  return `row(${all}) >= row(${given}) and row(${all}) <= row(${given}) order by ${all}`;
};
