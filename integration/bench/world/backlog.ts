import type { Pool } from 'pg';

export interface Backlog {
  readonly rows: number;
  readonly keys: number;
  /** The length of a body. Default 200. */
  readonly bodyBytes?: number;
}

/** Rows `from` to `to` under as many keys in turn, as JSON that a message's body could be. */
const addRows = `
  select holdfast.outbox_add(jsonb_build_object('messages', jsonb_agg(jsonb_build_object(
    'id', $1::text || n, 'type', 'order.placed', 'topic', 'orders', 'key', 'key ' || n % $4::int,
    'headers', '{"content-type":"application/json"}',
    'body', rpad('{"n":' || n || ',"note":"', $5::int - 2, 'x') || '"}'
  ) order by n)))
  from generate_series($2::int, $3::int) n`;

const rowsPerCall = 1_000;

/** Adds rows to the outbox in transactions of 1,000, by the SQL function that `outbox.add` calls. */
export const addBacklog = async (pool: Pool, { rows, keys, bodyBytes = 200 }: Backlog): Promise<void> => {
  const prefix = `${crypto.randomUUID()}/`;
  const ranges = Array.from({ length: Math.ceil(rows / rowsPerCall) }, (_, call) => call * rowsPerCall).values();
  const add = async (): Promise<void> => {
    for (const from of ranges) {
      const to = Math.min(from + rowsPerCall, rows) - 1;
      await pool.query(addRows, [prefix, from, to, keys, bodyBytes]);
    }
  };
  await Promise.all([add(), add()]);
};

/** Empties the outbox without leaving dead rows. */
export const clearOutbox = async (pool: Pool): Promise<void> => {
  await pool.query('truncate holdfast.outbox');
};

/** The disk that the outbox takes, indexes included, in bytes. */
export const outboxBytes = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query(
    `select sum(pg_total_relation_size(inhrelid))::float8 as bytes from pg_inherits
     where inhparent = 'holdfast.outbox'::regclass`,
  );
  return rows[0].bytes;
};
