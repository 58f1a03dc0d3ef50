import type { Message } from '@holdfast/core';
import { headerNames } from '@holdfast/core';
import type { Failure } from '@holdfast/inbox';
import type { Row } from '@holdfast/postgres';
import { storedMessage } from '@holdfast/relay';

/** A message that waits for a decision. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  readonly key: string | undefined;
  readonly topic: string;
  readonly partition: number;
  /** Where it stood in its partition, in the broker's own notation. */
  readonly position: string;
  /** `blocks`: its key waits behind it. `passed`: its key has gone on. `held`: nothing is wrong with it, it waits for `redrive`. */
  readonly state: 'blocks' | 'passed' | 'held';
  /** How many messages of its key wait behind it. */
  readonly behind: number;
  readonly reason: string;
  /** The same for failures that look alike. */
  readonly signature: string;
  /** How many attempts it has had since it came, or was redriven. */
  readonly attempts: number;
  /** Undefined where nothing was thrown. */
  readonly firstFailedAt: Date | undefined;
  readonly lastFailedAt: Date | undefined;
  readonly storedAt: Date;
  readonly diedAt: Date | undefined;
  /** Where it stands in the list: give it as `after` to read on. */
  readonly place: string;
}

/** All that is known of a dead letter. */
export interface DeadLetterDetails extends DeadLetter {
  readonly message: Message;
  /** Each failed attempt, redriven ones included: the first, and the last 49. */
  readonly failures: readonly Failure[];
  /** Of the trace that the message belongs to. */
  readonly traceId: string | undefined;
}

/** The columns of a list; `p` is the stored message. */
export const letterColumns = (schema: string): string => `
  p.seq::text as seq, p.id, p.type, p.key, p.topic, p.partition::text as partition, p.position, p.state,
  coalesce(p.reason, '') as reason, coalesce(p.signature, '') as signature, p.attempts::text as attempts,
  p.errors -> 0 ->> 'at' as first_ms, p.errors -> -1 ->> 'at' as last_ms,
  (extract(epoch from p.stored_at) * 1000)::text as stored_ms, (extract(epoch from p.died_at) * 1000)::text as died_ms, (
    select count(*) from ${schema}.inbox_parked b where p.state <> 'passed'
      and b."group" = p."group" and b.source = p.source and b.lane = p.lane and b.seq > p.seq and b.state = 'waiting'
  )::text as behind`;

export const deadLetter = (row: Row): DeadLetter => ({
  id: text(row, 'id'),
  type: text(row, 'type'),
  key: row.key ?? undefined,
  topic: text(row, 'topic'),
  partition: Number(row.partition),
  position: text(row, 'position'),
  state: states[text(row, 'state')] ?? 'held',
  behind: Number(row.behind),
  reason: text(row, 'reason'),
  signature: text(row, 'signature'),
  attempts: Number(row.attempts),
  firstFailedAt: time(row.first_ms),
  lastFailedAt: time(row.last_ms),
  storedAt: new Date(Number(row.stored_ms)),
  diedAt: time(row.died_ms),
  place: text(row, 'seq'),
});

const states: Readonly<Record<string, DeadLetter['state']>> = { dead: 'blocks', passed: 'passed', waiting: 'held' };

export const deadLetterDetails = (row: Row): DeadLetterDetails => {
  const message = storedMessage(row);
  return {
    ...deadLetter(row),
    message,
    failures: JSON.parse(text(row, 'errors')) as Failure[],
    traceId: message.headers[headerNames.traceParent]?.split('-')[1],
  };
};

const time = (ms: string | null | undefined): Date | undefined => (ms == null ? undefined : new Date(Number(ms)));

const text = (row: Row, column: string): string => row[column] ?? '';
