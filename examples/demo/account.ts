import type pg from 'pg';

/** What the business tables say. Holdfast's own tables and counters have no part in it. */
export interface Account {
  readonly placed: number;
  readonly billed: number;
  readonly shipped: number;
  /** Placed orders without a charge, and charged or placed orders without a shipment. */
  readonly lost: number;
  /** Charges and shipments beyond the first of an order, or of an order that was never placed. */
  readonly double: number;
  /** Charges and shipments that came before those of an earlier order of the same customer. */
  readonly outOfOrder: number;
}

const accountSql = `
  with effects as (
    select 'charge' as kind, order_id, customer_id, charge_no as no from charges
    union all select 'shipment', order_id, customer_id, shipment_no from shipments
  ), firsts as (
    select kind, order_id, customer_id, min(no) as no, count(*) as times from effects group by 1, 2, 3
  ), lined_up as (
    select kind, placed_no, max(placed_no) over (
      partition by kind, firsts.customer_id order by no rows between unbounded preceding and 1 preceding) as latest_before
    from firsts join orders using (order_id)
  )
  select
    (select count(*) from orders)::int as placed,
    (select count(*) from orders where order_id in (select order_id from charges))::int as billed,
    (select count(*) from orders where order_id in (select order_id from shipments))::int as shipped,
    (select count(*) from orders cross join (values ('charge'), ('shipment')) as wanted(kind)
      where not exists (select from firsts where firsts.kind = wanted.kind and firsts.order_id = orders.order_id))::int as lost,
    (select coalesce(sum(times - case when order_id in (select order_id from orders) then 1 else 0 end), 0) from firsts)::int
      as double,
    (select count(*) from lined_up where placed_no < latest_before)::int as "outOfOrder"
`;

export const takeAccount = async (pool: pg.Pool): Promise<Account> => {
  const { rows } = await pool.query<Account>(accountSql);
  const [account] = rows;
  if (account === undefined) throw new Error('the account query gave no row');
  return account;
};

/** Everything that was placed has both its effects. */
export const isSettled = ({ lost }: Account): boolean => lost === 0;

export const isRight = ({ placed, billed, shipped, lost, double, outOfOrder }: Account): boolean =>
  placed > 0 && billed === placed && shipped === placed && lost === 0 && double === 0 && outOfOrder === 0;
