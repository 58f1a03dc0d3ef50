import { createRuntime, type Runtime, refuseUnknown, requireWhole, type TopicRequest } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';

export interface PostgresTransportOptions<Tx> {
  /** Where the log is; migrate it with `postgresTransportSchema`. Transactions run at the isolation level "read committed". */
  readonly database: Database<Tx>;
  /** Topics that exist from the first use on. A topic that is stored with another number of partitions is an error then. */
  readonly topics?: Readonly<Record<string, TopicRequest>> | undefined;
  /** Partitions of a topic that does not say. Default 8. */
  readonly partitions?: number | undefined;
  /** The largest body. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * How long a partition stays with a process that has died before another of its group takes it over. Default 10,000.
   * A process that is blocked for longer loses its partitions and has their messages delivered again elsewhere.
   */
  readonly leaseMs?: number | undefined;
  /** How long a partition that moves to another process waits for its handlers. Default 10,000. */
  readonly drainMs?: number | undefined;
  /**
   * How long messages are kept at least, for groups that start at the earliest; never less than until every group has
   * settled them. The log goes in segments of an eighth of this, so some stay that much longer. Default 24 hours.
   *
   * The log is one for all topics and processes of the schema: the longest that any of them says holds for all, and until
   * as much time, at least a day, has passed without a process that says so. A difference is logged as a warning.
   */
  readonly retentionMs?: number | undefined;
  /**
   * How long after `retentionMs` messages are held for a group that has not settled them. Then they are dropped all the
   * same, counted as `holdfast.log.dropped_unsettled` and logged as an error. Default: for ever. The longest holds here too.
   * A group that is gone for good is removed by the SQL function `log_remove_group(topic, group)`.
   */
  readonly holdForSlowGroupsMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface Settings<Tx> {
  readonly database: Database<Tx>;
  readonly topics: Readonly<Record<string, TopicRequest>>;
  readonly partitions: number;
  readonly maxBodyBytes: number;
  readonly leaseMs: number;
  readonly drainMs: number;
  readonly retentionMs: number;
  readonly holdForSlowGroupsMs: number | undefined;
  readonly runtime: Runtime;
}

/** The options with their defaults; throws `invalid_option` for what cannot work. */
export const readOptions = <Tx>(options: PostgresTransportOptions<Tx>): Settings<Tx> => {
  const settings: Settings<Tx> = {
    database: options.database,
    topics: options.topics ?? {},
    partitions: options.partitions ?? 8,
    maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
    leaseMs: options.leaseMs ?? 10_000,
    drainMs: options.drainMs ?? 10_000,
    retentionMs: options.retentionMs ?? 86_400_000,
    holdForSlowGroupsMs: options.holdForSlowGroupsMs,
    runtime: createRuntime(options.runtime),
  };
  refuseUnknown('postgresTransport', Object.keys(settings), options);
  requireWhole('partitions', settings.partitions, 1, maxPartitions);
  requireWhole('maxBodyBytes', settings.maxBodyBytes, 0, maxBodyBytes);
  requireWhole('leaseMs', settings.leaseMs, 100);
  requireWhole('drainMs', settings.drainMs, 0);
  requireWhole('retentionMs', settings.retentionMs, 0, maxRetentionMs);
  if (settings.holdForSlowGroupsMs !== undefined) {
    requireWhole('holdForSlowGroupsMs', settings.holdForSlowGroupsMs, 0, maxRetentionMs);
  }
  return settings;
};

/** A partition is a row that is locked, a lease and a cursor in every poll. */
const maxPartitions = 1_000;
/** A hundred years: what is more, a date of Postgres may not hold. */
const maxRetentionMs = 3_155_760_000_000;
/** A statement is one JSON text, of which Postgres takes 256 MiB. */
const maxBodyBytes = 67_108_864;

export const requirePartitions = (option: string, found: number): void => requireWhole(option, found, 1, maxPartitions);
