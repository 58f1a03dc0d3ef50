/**
 * `log_incarnation` changes whenever the server was started or recovered. It may lack the end of what was there before, if it
 * was a standby, and its positions then name other messages.
 *
 * `log_read` returns first a row without `at`, whose `id` is the incarnation; then what follows in several partitions, of each in order. Partitions named first are served first when
 * `most_in_all` does not suffice. `at` is the place of a row's partition in the arrays, from 1; `segment` is null where it is
 * still the given one, `encoding` where it is utf8.
 *
 * A function, so that its plan is kept: planning over all segments costs more than a look that finds nothing. The plan
 * skips segments before the given ones, and never reads a table as a whole, however few rows it had when it was made.
 */
export const createReadFunction = (schema: string): string => `
  create function ${schema}.log_incarnation() returns text language sql stable as $function$
    select extract(epoch from pg_postmaster_start_time())::text || ' ' || coalesce(pg_last_wal_replay_lsn()::text, '')
  $function$;

  create function ${schema}.log_read(
    topic_ids integer[], partitions integer[], segments integer[], positions bigint[], most integer[], most_in_all integer
  )
  returns table (
    at text, "position" text, segment text, id text, type text, key text, headers text, body text, encoding text
  )
  language plpgsql stable rows 100
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $function$
  #variable_conflict use_column
  begin
    id := ${schema}.log_incarnation();
    return next;
    return query
    select wanted.at::text, l.position::text, case when l.segment <> wanted.segment then l.segment::text end,
      l.id, l.type, l.key, l.headers, l.body, nullif(l.encoding, 'utf8')
    from unnest(topic_ids, partitions, segments, positions, most)
      with ordinality wanted (topic_id, partition, segment, position, most, at)
    cross join lateral (
      select * from ${schema}.log l
      where l.topic_id = wanted.topic_id and l.partition = wanted.partition
        and l.segment >= wanted.segment and l.position > wanted.position
      order by l.position
      limit wanted.most
    ) l
    limit most_in_all;
  end
  $function$;
`;
