import { segmentStorage } from './schema-log.ts';

/**
 * Retention: `log_roll` starts a new segment, `log_drop` drops the oldest one. Both give up at once where another process
 * is at it, wait for no lock longer than 100 ms, and are safe to call at any time from anywhere.
 */
export const createRetentionFunctions = (schema: string): string =>
  [createSegmentEnds, createUnsettled, createHolder, createKeep, createRoll, createDrop, createRemoveGroup]
    .map((sql) => sql(schema))
    .join('');

/** The last position of each partition that has messages in the segment. */
const createSegmentEnds = (schema: string): string => `
  create function ${schema}.log_segment_ends(of_segment integer)
  returns table (topic_id integer, partition integer, last bigint) language sql stable as $function$
    select p.topic_id, p.partition, ends.last
    from ${schema}.log_partitions p
    cross join lateral (
      select max(l.position) as last from ${schema}.log l
      where l.topic_id = p.topic_id and l.partition = p.partition and l.segment = of_segment
    ) ends
    where ends.last is not null
  $function$;
`;

/** How many messages of the segment some group has not settled; each counts once for each such group. */
const createUnsettled = (schema: string): string => `
  create function ${schema}.log_unsettled(of_segment integer) returns bigint language sql stable as $function$
    select coalesce(sum(greatest(0, ends.last - greatest(g.settled_to, p.dropped_to))), 0)::bigint
    from ${schema}.log_segment_ends(of_segment) ends
    join ${schema}.log_partitions p on p.topic_id = ends.topic_id and p.partition = ends.partition
    join ${schema}.log_positions g on g.topic_id = ends.topic_id and g.partition = ends.partition
  $function$;
`;

/** Which group holds most of the segment. */
const createHolder = (schema: string): string => `
  create function ${schema}.log_holder(of_segment integer, out holder text, out held_topic text) language sql stable as $function$
    select g."group", t.name
    from ${schema}.log_segment_ends(of_segment) ends
    join ${schema}.log_partitions p on p.topic_id = ends.topic_id and p.partition = ends.partition
    join ${schema}.log_positions g on g.topic_id = ends.topic_id and g.partition = ends.partition
    join ${schema}.log_topics t on t.id = ends.topic_id
    group by 1, 2
    order by sum(greatest(0, ends.last - greatest(g.settled_to, p.dropped_to))) desc, 1, 2
    limit 1
  $function$;
`;

/**
 * Notes how long a process wants the log to be kept, and gives back for how long it is: the log is shared, so the longest
 * wish holds. A wish is forgotten when it has not been repeated for as long as it is, and a day.
 */
const createKeep = (schema: string): string => `
  create function ${schema}.log_keep(keep_ms bigint, hold_ms bigint) returns table (kept_ms text, held_ms text)
  language plpgsql as $function$
  #variable_conflict use_column
  begin
    insert into ${schema}.log_keepers as k (keep_ms, hold_ms, seen_at)
    values (log_keep.keep_ms, coalesce(log_keep.hold_ms, -1), ${schema}.now())
    on conflict (keep_ms, hold_ms) do update set seen_at = excluded.seen_at;
    delete from ${schema}.log_keepers k
    where k.seen_at < ${schema}.now() - greatest(k.keep_ms, 86400000) * interval '1 ms';
    return query
    select max(k.keep_ms)::text, case when min(k.hold_ms) >= 0 then max(k.hold_ms)::text end
    from ${schema}.log_keepers k;
  end
  $function$;
`;

/** Removes a group that nobody reads for any more: nothing is kept for it. Gives back whether there was one. */
const createRemoveGroup = (schema: string): string => `
  create function ${schema}.log_remove_group(of_topic text, of_group text) returns boolean language plpgsql as $function$
  declare
    removed integer;
  begin
    if exists (
      select from ${schema}.lease_members m join ${schema}.log_topics t on m.scope = 'log:' || t.id || ':' || of_group
      where t.name = of_topic and m.expires_at > ${schema}.now()
    ) then
      raise exception 'group "%" of topic "%" has running subscriptions; close them first', of_group, of_topic;
    end if;
    delete from ${schema}.log_positions g using ${schema}.log_topics t
    where t.name = of_topic and g.topic_id = t.id and g."group" = of_group;
    get diagnostics removed = row_count;
    return removed > 0;
  end
  $function$;
`;

/**
 * Starts a segment when the current one is `age_ms` old and not empty, unless there are `most` already: then the current one
 * grows on. Attaching a table blocks neither publishers nor readers. Returns the new segment, or null.
 */
const createRoll = (schema: string): string => `
  create function ${schema}.log_roll(age_ms bigint, most integer) returns integer
  language plpgsql set lock_timeout = '100ms' as $function$
  declare
    newest ${schema}.log_segments;
    next_segment integer;
  begin
    if not pg_try_advisory_xact_lock(hashtextextended('${schema}.log_segments', 0)) then
      return null;
    end if;
    select * into newest from ${schema}.log_segments order by segment desc limit 1;
    if newest.started_at > ${schema}.now() - age_ms * interval '1 ms'
      or (select count(*) from ${schema}.log_segments) >= most
      or not exists (select from ${schema}.log l where l.segment = newest.segment) then
      return null;
    end if;
    next_segment := newest.segment + 1;
    execute format('create table ${schema}.log_%s (like ${schema}.log including all) with (${segmentStorage})', next_segment);
    execute format('alter table ${schema}.log attach partition ${schema}.log_%s for values in (%s)', next_segment, next_segment);
    insert into ${schema}.log_segments (segment) values (next_segment);
    return next_segment;
  exception when lock_not_available then
    return null;
  end
  $function$;
`;

/**
 * Drops the oldest segment if it ended `keep_ms` ago and every group has settled its messages; with `hold_ms`, also if some
 * have not `hold_ms` later, and moves those groups past it.
 *
 * Locks what publishers lock, in their order, then the tables; then looks again, so that nothing unseen is dropped.
 * `messages`: with `dropped`, those that a group had not settled; with `held`, those that it is held for; most of them are
 * `holder`'s, of `held_topic`.
 */
const createDrop = (schema: string): string => `
  create function ${schema}.log_drop(
    keep_ms bigint, hold_ms bigint,
    out outcome text, out segment integer, out messages bigint, out holder text, out held_topic text
  )
  language plpgsql set lock_timeout = '100ms' as $function$
  #variable_conflict use_variable
  declare
    ended_at timestamptz;
    forced boolean;
  begin
    outcome := 'nothing';
    if not pg_try_advisory_xact_lock(hashtextextended('${schema}.log_segments', 0)) then
      return;
    end if;
    select s.segment, (select min(n.started_at) from ${schema}.log_segments n where n.segment > s.segment)
    into segment, ended_at
    from ${schema}.log_segments s order by s.segment limit 1;
    if ended_at is null or ended_at > ${schema}.now() - keep_ms * interval '1 ms' then
      return;
    end if;

    forced := coalesce(ended_at <= ${schema}.now() - (keep_ms + hold_ms) * interval '1 ms', false);
    messages := ${schema}.log_unsettled(segment);
    if messages > 0 then
      select h.holder, h.held_topic into holder, held_topic from ${schema}.log_holder(segment) h;
    end if;
    outcome := 'held';
    if messages > 0 and not forced then
      return;
    end if;

    perform 1 from ${schema}.log_partitions p order by p.topic_id, p.partition for no key update;
    execute format('lock table only ${schema}.log, ${schema}.log_%s in access exclusive mode', segment);
    messages := ${schema}.log_unsettled(segment);
    if messages > 0 and not forced then
      return;
    end if;

    update ${schema}.log_positions g set settled_to = ends.last
    from ${schema}.log_segment_ends(segment) ends
    where g.topic_id = ends.topic_id and g.partition = ends.partition and g.settled_to < ends.last;
    update ${schema}.log_partitions p set dropped_to = ends.last
    from ${schema}.log_segment_ends(segment) ends
    where p.topic_id = ends.topic_id and p.partition = ends.partition;
    execute format('alter table ${schema}.log detach partition ${schema}.log_%s', segment);
    execute format('drop table ${schema}.log_%s', segment);
    delete from ${schema}.log_segments s where s.segment = segment;
    outcome := 'dropped';
  exception when lock_not_available then
    outcome := 'busy';
  end
  $function$;
`;
