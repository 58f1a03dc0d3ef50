import type { Message } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import type { Database } from '@holdfast/postgres';
import { type Death, type Failure, SequencesFullError } from './sequences.ts';
import { createStoreRoom } from './store-room.ts';
import { encodeBody } from './stored-row.ts';

/** A stored message that is a dead letter: where it was, and what it has behind it. */
export interface StoredDeath extends Death {
  readonly lane: string;
  readonly message: Message;
  readonly topic: string;
  readonly shard: number;
  readonly seq: string;
  readonly attempts: number;
  readonly failures: readonly Failure[];
}

/** The dead letters of stored messages. Their keys go on. */
export interface StoredDeaths {
  /**
   * Makes a dead letter of it, in the place of the stored message. `gone`: that was there no more, since it took effect or is a dead
   * letter already. Rejects with {@link SequencesFullError}.
   */
  bury(death: StoredDeath): Promise<'buried' | 'gone'>;
}

export interface StoredDeathsOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** How many messages may be parked in this group, dead letters included. */
  readonly capacity: number;
}

/** No topic has this name: the owner of no partition takes them for its own, and a redrive stores them again. */
const source = '';
const maxBatch = 500;

export const createStoredDeaths = <Tx>({ database, group, capacity }: StoredDeathsOptions<Tx>): StoredDeaths => {
  const room = createStoreRoom({ database, group, capacity });
  const statement = insertion(database.schema);
  const batcher = createBatcher<Pick<StoredDeath, 'seq'> & { readonly errors: readonly Failure[] }, 'buried' | 'gone'>({
    maxSize: maxBatch,
    run: async (deaths) => {
      const rows = await database.execute(statement, [group, source, JSON.stringify(deaths)]);
      const buried = new Set(rows.map(({ seq }) => seq));
      return deaths.map(({ seq }) => (buried.has(seq) ? 'buried' : 'gone'));
    },
  });
  return {
    bury: async ({ message: { id, type, key, headers, body }, failures, ...death }) => {
      if (!(await room.take())) throw new SequencesFullError(capacity);
      const row = { id, type, key, headers: JSON.stringify(headers), encoding: 'utf8', ...encodeBody(body) };
      return batcher.submit({ ...row, ...death, errors: failures });
    },
  };
};

/** In the place of its stored message: a copy of it that is handled elsewhere takes effect, or this is a dead letter, but not both. */
const insertion = (schema: string): string => `
  with taken as materialized (
    select t.seq from ${schema}.inbox_take($1::text, $3::text::jsonb) t
  )
  insert into ${schema}.inbox_parked ("group", source, lane, partition, state, due_at, id, key, topic, type, headers, body,
    encoding, position, attempts, errors, reason, signature, stored_at, died_at)
  select $1::text, $2::text, e.lane, e.shard, 'passed', 'infinity', e.id, e.key, e.topic, e.type, e.headers, e.body,
    e.encoding, e.seq, e.attempts, e.errors, e.reason, e.signature, ${schema}.now(), ${schema}.now()
  from taken
  join jsonb_to_recordset($3::text::jsonb) as e(
    lane text, shard integer, id text, key text, topic text, type text, headers text, body text, encoding text, seq text,
    attempts integer, errors jsonb, reason text, signature text
  ) on e.seq = taken.seq
  on conflict do nothing returning position as seq`;
