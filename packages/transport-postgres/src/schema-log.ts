/**
 * Of each segment's table. Never analysed: the planner's defaults lead to the index. Statistics from when the table had a few
 * rows would lead a cached plan to read all of it, also when it has grown to millions a second later.
 */
export const segmentStorage = 'autovacuum_analyze_threshold = 2147483647';

/**
 * Topics, where their partitions begin, where groups stand, and the log.
 *
 * The log is append-only and physically split in segments, which are shared by all topics; retention drops the oldest
 * segment as a table. Positions of a partition are dense and start at 1; along a partition, segments only grow. A position
 * "up to which" something holds is that of a message, or 0 before the first. Segment 0 holds the topics that retention
 * does not touch: dead letters.
 */
export const createLogTables = (schema: string): string => `
  create table ${schema}.log_topics (
    id integer primary key default floor(random() * 2147483647)::integer,
    name text not null unique,
    partitions integer not null check (partitions > 0),
    kept boolean not null
  );

  create table ${schema}.log_partitions (
    topic_id integer not null references ${schema}.log_topics,
    partition integer not null,
    dropped_to bigint not null default 0,
    primary key (topic_id, partition)
  );

  create table ${schema}.log_positions (
    topic_id integer not null,
    "group" text not null,
    partition integer not null,
    settled_to bigint not null,
    primary key (topic_id, "group", partition),
    foreign key (topic_id, partition) references ${schema}.log_partitions
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

  create table ${schema}.log_segments (
    segment integer primary key,
    started_at timestamptz not null default ${schema}.now()
  );

  create table ${schema}.log_keepers (
    keep_ms bigint not null,
    hold_ms bigint not null,
    seen_at timestamptz not null,
    primary key (keep_ms, hold_ms)
  );
  comment on table ${schema}.log_keepers is
    'How long processes want the log to be kept; hold_ms -1: for slow groups for ever. What is longest holds for all.';

  create table ${schema}.log (
    segment integer not null,
    topic_id integer not null,
    partition integer not null,
    position bigint not null,
    id text not null,
    type text not null,
    key text,
    headers text not null,
    body text not null,
    encoding text not null,
    primary key (topic_id, partition, position, segment)
  ) partition by list (segment);

  create table ${schema}.log_0 partition of ${schema}.log for values in (0) with (${segmentStorage});
  create table ${schema}.log_1 partition of ${schema}.log for values in (1) with (${segmentStorage});
  insert into ${schema}.log_segments (segment) values (1);
`;
