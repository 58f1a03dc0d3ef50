/**
 * Leases: the right to work on one slot of a scope alone, for a limited time.
 *
 * `epoch` grows with every change of owner, to the time in microseconds: a number that was given out and then lost by a
 * failover is not given out again. A take waits for nobody: it passes over a slot that a fenced statement
 * (`lease_holds`) is using, until that statement's transaction ends.
 */
export const leaseTables = (schema: string): string => `
create table ${schema}.leases (
  scope text not null,
  slot integer not null,
  epoch bigint not null default 0,
  owner text,
  expires_at timestamptz not null default '-infinity',
  releasing boolean not null default false,
  taken_over boolean not null default false,
  deaths integer not null default 0,
  primary key (scope, slot)
) with (fillfactor = 50);
comment on table ${schema}.leases is
  'Who may work on a slot. owner null: free. taken_over: the owner before died without giving it back; deaths: how often in a row.';

create table ${schema}.lease_members (
  scope text not null,
  owner text not null,
  expires_at timestamptz not null,
  primary key (scope, owner)
) with (fillfactor = 50);
comment on table ${schema}.lease_members is 'Who shares the slots of a scope.';

create function ${schema}.lease_lock_key(p_scope text, p_slot integer) returns bigint language sql immutable as $$
  select hashtextextended('holdfast.leases:' || p_scope || ':' || p_slot, 0)
$$;

-- Whether the epoch still owns the slot. Until the calling transaction ends, nobody else takes the slot.
create function ${schema}.lease_holds(p_scope text, p_slot integer, p_epoch bigint) returns boolean
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock_shared(${schema}.lease_lock_key(p_scope, p_slot));
  -- With an older snapshot the row may have changed unseen: locking it then fails with 40001.
  if current_setting('transaction_isolation') <> 'read committed' then
    perform from ${schema}.leases where scope = p_scope and slot = p_slot for share;
  end if;
  return exists (
    select from ${schema}.leases
    where scope = p_scope and slot = p_slot and epoch = p_epoch and owner is not null
  );
end
$$;

-- One beat of one member: registers it, renews what it holds (p_held: slot -> epoch), marks what is above its fair share
-- for giving back, takes free slots up to the share. p_leaving: renews only. missing: how many of its share others have.
create function ${schema}.lease_beat(
  p_scope text, p_owner text, p_slots integer, p_lease_ms integer, p_held jsonb, p_leaving boolean, p_channel text
) returns jsonb language plpgsql volatile as $$
declare
  v_now timestamptz;
  v_until timestamptz;
  v_joined boolean := false;
  v_members integer;
  v_floor integer;
  v_above integer;
  v_before integer;
  v_extra integer;
  v_mine integer;
  v_keep integer;
  v_want integer := 0;
  v_slot integer;
begin
  perform pg_advisory_xact_lock(${schema}.lease_lock_key(p_scope, -1));
  v_now := ${schema}.now();
  v_until := v_now + p_lease_ms * interval '1 millisecond';

  delete from ${schema}.lease_members
  where scope = p_scope and (expires_at <= v_now or (p_leaving and owner = p_owner));
  if not p_leaving then
    insert into ${schema}.lease_members (scope, owner, expires_at) values (p_scope, p_owner, v_until)
    on conflict (scope, owner) do update set expires_at = excluded.expires_at
    returning xmax = 0 into v_joined;
  end if;

  insert into ${schema}.leases (scope, slot)
  select p_scope, n from generate_series(0, p_slots - 1) as n
  where not exists (select from ${schema}.leases where scope = p_scope and slot = n);

  -- What the caller no longer believes in is free again, under a new epoch.
  update ${schema}.leases
  set expires_at = case when p_held ->> slot::text = epoch::text then v_until else '-infinity' end
  where scope = p_scope and owner = p_owner;

  if not p_leaving then
    select count(*) into v_members from ${schema}.lease_members where scope = p_scope;
    v_floor := p_slots / v_members;
    v_extra := p_slots % v_members;
    select count(*) into v_mine from ${schema}.leases
    where scope = p_scope and owner = p_owner and slot < p_slots and not releasing and expires_at > v_now;
    select count(*), count(*) filter (where owner < p_owner) into v_above, v_before
    from (
      select owner from ${schema}.leases
      where scope = p_scope and owner <> p_owner and slot < p_slots and not releasing and expires_at > v_now
      group by owner having count(*) > v_floor
    ) as others;

    v_keep := v_floor + (v_before < v_extra)::integer;
    update ${schema}.leases set releasing = true
    where scope = p_scope and slot in (
      select slot from ${schema}.leases
      where scope = p_scope and owner = p_owner and slot < p_slots and not releasing and expires_at > v_now
      order by slot desc limit greatest(v_mine - v_keep, 0)
    );

    v_want := v_floor + (v_above < v_extra)::integer - v_mine;
    for v_slot in
      select slot from ${schema}.leases
      where scope = p_scope and slot < p_slots and (owner is null or expires_at <= v_now)
      order by slot
    loop
      exit when v_want <= 0;
      continue when not pg_try_advisory_xact_lock(${schema}.lease_lock_key(p_scope, v_slot));
      update ${schema}.leases
      set epoch = greatest(epoch + 1, (extract(epoch from v_now) * 1000000)::bigint),
          owner = p_owner,
          expires_at = v_until,
          releasing = false,
          taken_over = case when owner = p_owner then taken_over else owner is not null end,
          deaths = deaths + (owner is not null and owner <> p_owner)::integer
      where scope = p_scope and slot = v_slot;
      v_want := v_want - 1;
    end loop;
    -- The others hold more than their share: wake them once, then they see it at their own next beat.
    if v_joined and v_want > 0 then
      perform pg_notify(p_channel, '');
    end if;
  end if;

  return jsonb_build_object('missing', greatest(v_want, 0), 'leases', coalesce((
    select jsonb_agg(jsonb_build_object(
      'slot', slot, 'epoch', epoch::text, 'releasing', releasing, 'takenOver', taken_over, 'deaths', deaths))
    from ${schema}.leases
    where scope = p_scope and owner = p_owner and expires_at > v_now
  ), '[]'));
end
$$;

-- Gives slots back (p_held: slot -> epoch) and tells the others. p_leaving: the member is gone as well.
create function ${schema}.lease_release(
  p_scope text, p_owner text, p_held jsonb, p_leaving boolean, p_channel text
) returns void language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(${schema}.lease_lock_key(p_scope, -1));
  update ${schema}.leases
  set owner = null, expires_at = '-infinity', releasing = false, taken_over = false
  where scope = p_scope and owner = p_owner and p_held ->> slot::text = epoch::text;
  if p_leaving then
    delete from ${schema}.lease_members where scope = p_scope and owner = p_owner;
  end if;
  perform pg_notify(p_channel, '');
end
$$;
`;
