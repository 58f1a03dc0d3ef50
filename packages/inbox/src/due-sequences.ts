import type { Message } from '@holdfast/core';
import type { Database, Row } from '@holdfast/postgres';
import { storedMessage } from '@holdfast/relay';
import type { SequenceClaim } from './sequence-claim.ts';

/** A message that is parked. */
export interface ParkedMessage {
  readonly seq: string;
  readonly message: Message;
  readonly topic: string;
  readonly position: string;
  /** How many attempts are spent. */
  readonly attempts: number;
  /** It had taken effect already when it was read. */
  readonly isDone: boolean;
}

/** A key that is due, with its first messages that are. */
export interface DueSequence {
  readonly source: string;
  readonly partition: number;
  readonly lane: string;
  readonly messages: readonly ParkedMessage[];
}

export interface Due {
  readonly sequences: readonly DueSequence[];
  /** When the next of those that are not due yet will be, in milliseconds; undefined: there is none. */
  readonly nextMs: number | undefined;
  /** Claims that are not the current ones. */
  readonly fenced: readonly SequenceClaim[];
}

export interface DueQuery {
  readonly claims: readonly SequenceClaim[];
  /** Keys that are being drained. */
  readonly busy: readonly { readonly source: string; readonly lane: string }[];
  /** How many keys, those that waited longest first. */
  readonly lanes: number;
  /** How many messages of each. */
  readonly perLane: number;
}

/** What is to be drained. */
export interface DueSequences {
  due(query: DueQuery): Promise<Due>;
}

export const createDueSequences = <Tx>({
  database,
  group,
}: {
  readonly database: Database<Tx>;
  readonly group: string;
}): DueSequences => {
  const statement = selectDue(database.schema);
  return {
    due: async ({ claims, busy, lanes, perLane }) => {
      const values = [group, JSON.stringify(claims), JSON.stringify(busy), String(lanes), String(perLane)];
      const rows = await database.execute(statement, values);
      const current = new Set((JSON.parse(rows[0]?.current ?? '[]') as number[]).map(Number));
      return {
        sequences: groupByLane(rows),
        nextMs: rows[0]?.next_ms == null ? undefined : Number(rows[0].next_ms),
        fenced: claims.filter((_, at) => !current.has(at + 1)),
      };
    },
  };
};

/** Of a key its first messages up to one that is not due, or that is a dead letter. */
const selectDue = (schema: string): string => `
  with owned as materialized (
    select e.* from rows from (
      jsonb_to_recordset($2::text::jsonb) as (source text, partition integer, epoch bigint)
    ) with ordinality as e(source, partition, epoch, at)
    join ${schema}.inbox_owners o
      on o."group" = $1::text and o.source = e.source and o.partition = e.partition and o.epoch = e.epoch
  ), due as materialized (
    select s.source, s.partition, s.lane, s.due_at from owned
    cross join lateral (
      select s.* from ${schema}.inbox_sequences s
      where s."group" = $1::text and s.source = owned.source and s.partition = owned.partition
        and s.due_at <= (select ${schema}.now())
        and not exists (
          select from jsonb_to_recordset($3::text::jsonb) as b(source text, lane text)
          where b.source = s.source and b.lane = s.lane
        )
      order by s.due_at limit $4::text::integer
    ) s
    order by s.due_at limit $4::text::integer
  )
  select known.current, known.next_ms, due.source, due.partition::text as partition, due.lane, p.seq::text as seq, p.id,
    p.key, p.topic, p.type, p.headers, p.body, p.encoding, p.position, p.attempts::text as attempts,
    (recorded.id is not null)::text as done
  from (
    select (select jsonb_agg(owned.at) from owned)::text as current, (
      select extract(epoch from min(next.due_at) - ${schema}.now()) * 1000 from owned cross join lateral (
        select s.due_at from ${schema}.inbox_sequences s
        where s."group" = $1::text and s.source = owned.source and s.partition = owned.partition
          and s.due_at > (select ${schema}.now()) and s.due_at < 'infinity'
        order by s.due_at limit 1
      ) next
    )::text as next_ms
  ) known
  left join due on true
  left join lateral (
    select first.* from (
      select m.*, bool_and(m.due_at <= (select ${schema}.now())) over (order by m.seq) as ready from (
        select m.* from ${schema}.inbox_parked m
        where m."group" = $1::text and m.source = due.source and m.lane = due.lane and m.state <> 'passed'
        order by m.seq limit $5::text::integer
      ) m
    ) first where first.ready
  ) p on true
  left join lateral (
    select i.id from ${schema}.inbox i where i."group" = $1::text and i.id = p.id collate "default" limit 1
  ) recorded on true
  order by due.due_at, due.source, due.lane, p.seq`;

const groupByLane = (rows: readonly Row[]): readonly DueSequence[] => {
  const sequences: (DueSequence & { readonly messages: ParkedMessage[] })[] = [];
  for (const row of rows) {
    const { source, lane } = row;
    if (source == null || lane == null) continue;
    let last = sequences.at(-1);
    if (last?.source !== source || last.lane !== lane) {
      last = { source, lane, partition: Number(row.partition), messages: [] };
      sequences.push(last);
    }
    if (row.seq != null) last.messages.push(parkedMessage(row));
  }
  return sequences;
};

const parkedMessage = (row: Row): ParkedMessage => ({
  seq: text(row, 'seq'),
  message: storedMessage(row),
  topic: text(row, 'topic'),
  position: text(row, 'position'),
  attempts: Number(row.attempts),
  isDone: row.done === 'true',
});

const text = (row: Row, column: string): string => row[column] ?? '';
