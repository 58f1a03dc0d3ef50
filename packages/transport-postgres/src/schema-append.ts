/** Raised by `log_append` under an isolation level that would number from an old snapshot. */
const wrongIsolation = 'HFL01';
/** Raised by `log_append` for a partition that is not there. */
export const unknownPartition = 'HFL02';

/**
 * `log_append(topic_ids, partitions, messages)` is the only way into the log, and the contract for other languages.
 *
 * It locks the given partitions, in sorted order, until the end of the transaction; only then, in a statement with a later
 * snapshot, reads the last position of each; then inserts. So positions are dense, and who sees one sees all smaller ones.
 * `messages` is a JSON array; `at` is the place of a message's partition in the two arrays, from 1, and `nth` its place among
 * the messages of that partition, from 1. Call it in a transaction of its own: publishers of the partitions wait for its end.
 * That transaction waits for the disk, where it would not: `synchronous_commit = off` is overruled.
 */
export const createAppendFunction = (schema: string): string => `
  create function ${schema}.log_append(topic_ids integer[], partitions integer[], messages text) returns void
  language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $function$
  #variable_conflict use_column
  declare
    found_partitions integer;
    current_segment integer;
    segments integer[];
    lasts bigint[];
  begin
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'log_append needs the isolation level "read committed", found "%"',
        current_setting('transaction_isolation') using errcode = '${wrongIsolation}';
    end if;

    if current_setting('synchronous_commit') = 'off' then
      perform set_config('synchronous_commit', 'on', true);
    end if;

    perform 1 from ${schema}.log_partitions p
    where (p.topic_id, p.partition) in (select * from unnest(topic_ids, partitions))
    order by p.topic_id, p.partition
    for no key update;
    get diagnostics found_partitions = row_count;
    if found_partitions <> cardinality(topic_ids) then
      raise exception 'log_append found % of % partitions', found_partitions, cardinality(topic_ids)
        using errcode = '${unknownPartition}';
    end if;

    select max(s.segment) into current_segment from ${schema}.log_segments s;
    select array_agg(place.segment order by place.at), array_agg(place.last order by place.at) into segments, lasts
    from (
      select wanted.at, home.segment, coalesce(
        (select max(l.position) from ${schema}.log l
          where l.topic_id = wanted.topic_id and l.partition = wanted.partition and l.segment = home.segment),
        (select max(l.position) from ${schema}.log l
          where l.topic_id = wanted.topic_id and l.partition = wanted.partition),
        p.dropped_to) as last
      from unnest(topic_ids, partitions) with ordinality wanted (topic_id, partition, at)
      join ${schema}.log_topics t on t.id = wanted.topic_id
      join ${schema}.log_partitions p on p.topic_id = wanted.topic_id and p.partition = wanted.partition
      cross join lateral (select case when t.kept then 0 else current_segment end as segment) home
    ) place;

    insert into ${schema}.log (segment, topic_id, partition, position, id, type, key, headers, body, encoding)
    select segments[m.at], topic_ids[m.at], partitions[m.at], lasts[m.at] + m.nth,
      m.id, m.type, m.key, m.headers, m.body, m.encoding
    from jsonb_to_recordset(messages::jsonb) m (at integer, nth integer, id text, type text, key text, headers text,
      body text, encoding text);
  end
  $function$;
`;
