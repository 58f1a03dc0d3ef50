/** Rows are locked in one order everywhere, so that two batches never wait for each other. */
const order = 'collate "C"';

/** Plans that go by the index, whatever the table held when they were made. */
const settings = 'set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off';

/**
 * `idempotency_claim(requests)`: claims each key that is free, over, or whose lease has lapsed, and says for each request
 * how its key stands then. Of several requests for one key the first counts. A token is never given twice: it is the time
 * in microseconds, or the one before plus 1.
 */
export const claimFunction = (schema: string): string => `
create function ${schema}.idempotency_claim(requests jsonb)
returns table (place integer, outcome text, token text, result text, left_ms text)
language plpgsql ${settings}
as $claim$
#variable_conflict use_column
declare
  moment timestamptz := ${schema}.now();
begin
  insert into ${schema}.idempotency as known (key, state, token, owner, fingerprint, lease_until, expires_at)
  select distinct on (r.key ${order})
    r.key, 'claimed', (extract(epoch from moment) * 1000000)::bigint, r.owner, r.fingerprint,
    moment + r.lease_ms * interval '1 millisecond', moment + r.ttl_ms * interval '1 millisecond'
  from jsonb_to_recordset(requests)
    as r(place integer, key text, owner text, fingerprint text, lease_ms float8, ttl_ms float8)
  order by r.key ${order}, r.place
  on conflict (key) do update set
    state = 'claimed', token = greatest(known.token + 1, excluded.token), owner = excluded.owner,
    fingerprint = excluded.fingerprint, lease_until = excluded.lease_until, expires_at = excluded.expires_at, result = null
  where known.state = 'released'
    or (known.expires_at <= moment and known.lease_until <= moment)
    or (known.state = 'claimed' and known.lease_until <= moment and known.owner <> excluded.owner
      and (known.fingerprint = '' or excluded.fingerprint = '' or known.fingerprint = excluded.fingerprint));
  return query
  select r.place,
    case
      when known.key is null or known.state = 'released' then 'in_progress'
      when known.fingerprint <> '' and r.fingerprint <> '' and known.fingerprint <> r.fingerprint then 'key_reused'
      when known.state <> 'claimed' then known.state
      when known.owner = r.owner then 'won'
      else 'in_progress'
    end,
    known.token::text, known.result,
    greatest(0, ceil(coalesce(extract(epoch from known.lease_until - moment), 0) * 1000))::text
  from jsonb_to_recordset(requests) as r(place integer, key text, owner text, fingerprint text)
  left join ${schema}.idempotency known on known.key = r.key;
end
$claim$;
`;

/** `idempotency_renew(renewals)`: gives the places of those whose claims stand, which stand for longer now. */
export const renewFunction = (schema: string): string => `
create function ${schema}.idempotency_renew(renewals jsonb) returns table (place integer)
language plpgsql ${settings}
as $renew$
#variable_conflict use_column
declare
  moment timestamptz := ${schema}.now();
begin
  perform from ${schema}.idempotency known
  where known.key in (select r.key from jsonb_to_recordset(renewals) as r(key text))
  order by known.key ${order} for update;
  return query
  update ${schema}.idempotency known
  set lease_until = greatest(known.lease_until, moment + r.lease_ms * interval '1 millisecond')
  from jsonb_to_recordset(renewals) as r(place integer, key text, token bigint, lease_ms float8)
  where known.key = r.key and known.token = r.token and known.state = 'claimed'
    and (known.expires_at > moment or known.lease_until > moment)
  returning r.place;
end
$renew$;
`;

/**
 * `idempotency_settle(ends)`: ends claims, and gives the places of those that stood, or had been ended so before. A key
 * that is given back keeps its row for a minute, so that the next token is higher also where the clock is set back.
 */
export const settleFunction = (schema: string): string => `
create function ${schema}.idempotency_settle(ends jsonb) returns table (place integer)
language plpgsql ${settings}
as $settle$
#variable_conflict use_column
declare
  moment timestamptz := ${schema}.now();
begin
  perform from ${schema}.idempotency known
  where known.key in (select e.key from jsonb_to_recordset(ends) as e(key text))
  order by known.key ${order} for update;
  return query
  with wanted as materialized (
    select * from jsonb_to_recordset(ends) as e(place integer, key text, token bigint, ttl_ms float8, state text, result text)
  ), ended as (
    update ${schema}.idempotency known set
      state = wanted.state, result = wanted.result, lease_until = moment,
      fingerprint = case wanted.state when 'released' then '' else known.fingerprint end,
      expires_at = moment + case wanted.state when 'released' then 60000 else wanted.ttl_ms end * interval '1 millisecond'
    from wanted
    where known.key = wanted.key and known.token = wanted.token and known.state = 'claimed'
      and (known.expires_at > moment or known.lease_until > moment)
    returning known.key, known.token
  )
  select wanted.place from wanted join ended using (key, token)
  union all
  select wanted.place from wanted join ${schema}.idempotency known using (key, token)
  where known.state = wanted.state and known.state <> 'released' and known.expires_at > moment;
end
$settle$;
`;
