import { postgresTransportSchema } from '@holdfast/transport-postgres';
import { type Database, deadLetterSchema, inboxSchema, migrate, outboxSchema, pgDatabase } from 'holdfast';
import pg from 'pg';

/** All of the demo's tables live in a schema of its own, so that a database that is lent to it keeps what it has. */
export const schema = 'holdfast_demo';

/** The pool and database that each process of the demo opens. */
export const openDatabase = (url: string): { pool: pg.Pool; database: Database<pg.PoolClient> } => {
  const pool = new pg.Pool({
    connectionString: url,
    options: `-c search_path=${schema}`,
    max: 12,
    connectionTimeoutMillis: 10_000,
  });
  pool.on('error', () => {}); // an idle connection that breaks is replaced at the next query
  return { pool, database: pgDatabase(pool, { schema }) };
};

/** The business tables. No unique keys on charges and shipments: what happened twice must be seen. */
const businessTables = `
  create table baskets (order_id uuid, customer_id text);
  create table orders (
    order_id uuid primary key, customer_id text, total int, placed_no bigint generated always as identity);
  create table charges (
    charge_no bigint generated always as identity, order_id uuid, customer_id text, total int);
  create table shipments (
    shipment_no bigint generated always as identity, order_id uuid, customer_id text);
`;

/** Makes all tables anew; those of an earlier demo go. */
export const prepare = async ({ pool, database }: ReturnType<typeof openDatabase>): Promise<void> => {
  await pool.query(`drop schema if exists ${schema} cascade`);
  await migrate(database, [outboxSchema, inboxSchema, deadLetterSchema, postgresTransportSchema]);
  await pool.query(businessTables);
};
