import type { Pool, PoolClient } from 'pg';
import type { OrderPayload } from './contract.ts';

export const customers = 10_000;

/** The tables of a shop, beside which the outbox is. */
export const createShop = async (pool: Pool): Promise<void> => {
  await pool.query(`
    create table customers (id text primary key, owes numeric not null default 0) with (fillfactor = 50);
    create table orders (id uuid primary key, customer_id text not null, total numeric not null);
    create table order_lines (order_id uuid, line int, article text not null, price numeric not null, primary key (order_id, line));
    insert into customers (id) select 'customer ' || n from generate_series(0, ${customers - 1}) n;`);
};

/** A business transaction's statements: an order, its three lines, and what its customer owes. */
export const placeOrder = async (tx: PoolClient, { orderId, customerId, total }: OrderPayload): Promise<void> => {
  await tx.query('insert into orders values ($1, $2, $3)', [orderId, customerId, total]);
  await tx.query("insert into order_lines select $1, n, 'article', $2 from generate_series(1, 3) n", [orderId, total]);
  await tx.query('update customers set owes = owes + $2 where id = $1', [customerId, total]);
};

/** The transaction as one writes it with pg. */
export const bareTransaction = async (pool: Pool, work: (tx: PoolClient) => Promise<void>): Promise<void> => {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await work(client);
    await client.query('commit');
  } finally {
    client.release();
  }
};

export const clearShop = async (pool: Pool): Promise<void> => {
  await pool.query('truncate orders, order_lines');
};
