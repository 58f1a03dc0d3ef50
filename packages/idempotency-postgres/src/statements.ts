import type { Clock } from '@holdfast/core';
import type { ClaimAnswer, ClaimRequest, Finished, Renewal, Settling, Standing } from '@holdfast/idempotency';
import { type Database, DatabaseTimeoutError, type Row } from '@holdfast/postgres';

/** The statements over the keys' table, each one round trip for any number of keys. */
export interface Statements {
  claim(requests: readonly ClaimRequest[]): Promise<readonly ClaimAnswer[]>;
  renew(renewals: readonly Renewal[]): Promise<readonly Standing[]>;
  settle(settlings: readonly Settling[]): Promise<readonly Standing[]>;
  find(keys: readonly string[]): Promise<readonly (Finished | undefined)[]>;
  /** Deletes at most so many rows that are over, and gives back how many. */
  deleteOver(limit: number): Promise<number>;
}

export interface StatementsOptions<Tx> {
  readonly database: Database<Tx>;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export const createStatements = <Tx>({ database, timeoutMs, clock }: StatementsOptions<Tx>): Statements => {
  const sql = textsOf(database.schema);

  /** Shorter than the database's own limit: a claim's time is short. */
  const execute = async (text: string, values: readonly string[]): Promise<readonly Row[]> => {
    const limit = new AbortController();
    const cancel = clock.after(timeoutMs, () => limit.abort(new DatabaseTimeoutError(timeoutMs)));
    try {
      return await database.execute(text, values, { signal: limit.signal });
    } finally {
      cancel();
    }
  };

  const run = (text: string, records: readonly object[]): Promise<readonly Row[]> =>
    execute(text, [JSON.stringify(records.map((record, place) => ({ place, ...record })))]);

  const standings = async (text: string, records: readonly object[]): Promise<readonly Standing[]> => {
    const stood = placesOf(await run(text, records));
    return records.map((_, place) => (stood.has(place) ? 'held' : 'lost'));
  };

  return {
    claim: async (requests) => {
      const rows = placesOf(
        await run(
          sql.claim,
          requests.map(({ key, owner, fingerprint, leaseMs, ttlMs }) => ({
            ...{ key, owner, fingerprint, lease_ms: leaseMs, ttl_ms: ttlMs },
          })),
        ),
      );
      return requests.map((_, place) => answerOf(rows.get(place) ?? {}));
    },
    renew: (renewals) =>
      standings(
        sql.renew,
        renewals.map(({ key, token, leaseMs }) => ({ key, token, lease_ms: leaseMs })),
      ),
    settle: (settlings) => standings(sql.settle, settlings.map(recordOf)),
    find: async (keys) => {
      const rows = placesOf(
        await run(
          sql.find,
          keys.map((key) => ({ key })),
        ),
      );
      return keys.map((_, place) => {
        const row = rows.get(place);
        return row === undefined ? undefined : finishedOf(row.outcome, row.result);
      });
    },
    deleteOver: async (limit) => {
      const [row] = await execute(sql.deleteOver, [String(limit)]);
      return Number(row?.deleted);
    },
  };
};

const placesOf = (rows: readonly Row[]): ReadonlyMap<number, Row> =>
  new Map(rows.map((row) => [Number(row.place), row]));

const answerOf = ({ outcome, token, result, left_ms: leftMs }: Row): ClaimAnswer => {
  switch (outcome) {
    case 'won':
      return { outcome, token: token ?? '' };
    case 'done':
    case 'failed':
      return finishedOf(outcome, result);
    case 'key_reused':
      return { outcome };
    default:
      return { outcome: 'in_progress', retryAfterMs: Number(leftMs ?? 0) };
  }
};

const finishedOf = (outcome: string | null | undefined, result: string | null | undefined): Finished =>
  outcome === 'failed' ? { outcome, reason: result ?? '' } : { outcome: 'done', result: result ?? undefined };

const recordOf = ({ key, token, ttlMs, end }: Settling): object => ({
  ...{ key, token, ttl_ms: ttlMs, state: end.outcome },
  ...(end.outcome === 'done' && { result: end.result }),
  ...(end.outcome === 'failed' && { result: end.reason }),
});

/** The time is read once, in a query of its own: an index cannot be asked for a function that may change. */
const textsOf = (schema: string) => ({
  claim: `select place::text, outcome, token, result, left_ms from ${schema}.idempotency_claim($1::text::jsonb)`,
  renew: `select place::text from ${schema}.idempotency_renew($1::text::jsonb)`,
  settle: `select place::text from ${schema}.idempotency_settle($1::text::jsonb)`,
  find: `
    select wanted.place::text, known.state as outcome, known.result
    from jsonb_to_recordset($1::text::jsonb) as wanted(place integer, key text)
    cross join lateral (
      select state, result from ${schema}.idempotency where idempotency.key = wanted.key
        and state in ('done', 'failed') and expires_at > (select ${schema}.now()) limit 1
    ) as known`,
  deleteOver: `
    with over as materialized (
      select key from ${schema}.idempotency
      where expires_at <= (select ${schema}.now()) and lease_until <= (select ${schema}.now())
      order by expires_at limit $1::int for update skip locked
    ), deleted as (
      delete from ${schema}.idempotency using over where idempotency.key = over.key returning 1
    )
    select count(*)::text as deleted from deleted`,
});
