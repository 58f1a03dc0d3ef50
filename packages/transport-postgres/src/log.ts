import type { Row } from '@holdfast/postgres';
import type { Execute } from './execute.ts';
import type { WireMessage } from './wire.ts';

/** Messages for one partition of a topic, in their order. */
export interface Appending {
  readonly topicId: number;
  readonly partition: number;
  readonly messages: readonly WireMessage[];
}

/** Stores all or nothing, in one transaction. Each partition may be named once. */
export const appendToLog = async ({ execute, schema }: Execute, appends: readonly Appending[]): Promise<void> => {
  const messages = appends.flatMap((append, index) =>
    append.messages.map((message, nth) => ({ at: index + 1, nth: nth + 1, ...message })),
  );
  await execute(`select ${schema}.log_append($1::text::integer[], $2::text::integer[], $3::text)::text as appended`, [
    array(appends.map(({ topicId }) => topicId)),
    array(appends.map(({ partition }) => partition)),
    JSON.stringify(messages),
  ]);
};

/** Where a reader stands in a partition: at this position, of this segment or a later one. */
export interface Cursor {
  readonly segment: number;
  readonly position: bigint;
}

export interface Reading {
  readonly topicId: number;
  readonly partition: number;
  readonly cursor: Cursor;
  /** The most that is wanted of this partition. */
  readonly limit: number;
}

/** A row of the log: a message as the wire has it, with where it comes from. */
export interface LogRow extends Row {
  /** The place of its partition in what was asked for, from 1. */
  readonly at: string;
  readonly position: string;
  /** Null: still the cursor's. */
  readonly segment: string | null;
}

export interface LogPage {
  /** Of the server that was read; see `log_incarnation`. */
  readonly incarnation: string | null | undefined;
  readonly rows: readonly LogRow[];
}

/** What follows in several partitions, at most `most` rows. Partitions named first are served first. */
export const readLog = async (
  { execute, schema }: Execute,
  readings: readonly Reading[],
  most: number,
  signal: AbortSignal,
): Promise<LogPage> => {
  const found = await execute(
    `select * from ${schema}.log_read($1::text::integer[], $2::text::integer[], $3::text::integer[],
       $4::text::bigint[], $5::text::integer[], $6::text::integer)`,
    [
      array(readings.map(({ topicId }) => topicId)),
      array(readings.map(({ partition }) => partition)),
      array(readings.map(({ cursor }) => cursor.segment)),
      array(readings.map(({ cursor }) => cursor.position)),
      array(readings.map(({ limit }) => limit)),
      String(most),
    ],
    { signal },
  );
  // The function's own columns.
  const [server, ...rows] = found as readonly LogRow[];
  return { incarnation: server?.id, rows };
};

/** Numbers as the text of a Postgres array. */
export const array = (values: readonly (number | bigint)[]): string => `{${values.join(',')}}`;
