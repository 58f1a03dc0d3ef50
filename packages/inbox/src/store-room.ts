import type { Database } from '@holdfast/postgres';

/** Whether the store takes more, by a count that is a little old: counting for each message would cost more than storing it. */
export interface StoreRoom {
  /** False: it is full. */
  take(): Promise<boolean>;
}

export interface StoreRoomOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  readonly capacity: number;
}

/** After so many of this process, and a tenth of what was left, it counts again. */
const leastTaken = 100;

export const createStoreRoom = <Tx>({ database, group, capacity }: StoreRoomOptions<Tx>): StoreRoom => {
  let left = 0;
  let counting: Promise<void> | undefined;

  const count = async (): Promise<void> => {
    const [row] = await database.execute(
      `select count(*)::text as parked from (
         select from ${database.schema}.inbox_parked where "group" = $1::text limit $2::text::bigint
       ) kept`,
      [group, String(capacity)],
    );
    const free = capacity - Number(row?.parked);
    left = Math.min(free, Math.max(leastTaken, Math.ceil(free / 10)));
  };

  return {
    take: async () => {
      if (left === 0) {
        counting ??= count().finally(() => {
          counting = undefined;
        });
        await counting;
      }
      if (left === 0) return false;
      left--;
      return true;
    },
  };
};
