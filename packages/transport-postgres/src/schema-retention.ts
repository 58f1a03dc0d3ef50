import { segmentStorage } from './schema-log.ts';

/**
 * Retention: `log_roll` starts a new segment, `log_drop` drops the oldest one. Both give up at once where another process
 * is at it, wait for no lock longer than 100 ms, and are safe to call at any time from anywhere.
 */
export const createRetentionFunctions = (schema: string): string =>
  [createSegmentEnds, createUnsettled, createRoll, createDrop].map((sql) => sql(schema)).join('');

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
 * `messages`: with `dropped`, those that a group had not settled; with `held`, those that it is held for.
 */
const createDrop = (schema: string): string => `
  create function ${schema}.log_drop(keep_ms bigint, hold_ms bigint, out outcome text, out segment integer, out messages bigint)
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
