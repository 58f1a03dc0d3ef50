import { HoldfastError, type Message } from '@holdfast/core';
import type { Database } from '@holdfast/postgres';
import { checkStorable } from './check-storable.ts';
import { createDueSequences, type DueSequences } from './due-sequences.ts';
import type { SequenceClaim } from './sequence-claim.ts';
import { createStoreCall } from './store-call.ts';
import { createStoreRoom } from './store-room.ts';
import { encodeBody } from './stored-row.ts';

/** A failed attempt, as it is kept: short, for people. */
export interface Failure {
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** The error's class. */
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  /** Which process it was. */
  readonly process: string;
}

/** Why a message is a dead letter. */
export interface Death {
  readonly reason: string;
  /** The same for failures that look alike. */
  readonly signature: string;
}

/** What becomes of a message: see `inbox_park` and `inbox_failed`. */
export type Parking =
  | { readonly kind: 'append' }
  | { readonly kind: 'park'; readonly delayMs: number }
  | ({ readonly kind: 'block' | 'pass' } & Death);

export type Failing =
  | { readonly kind: 'again'; readonly delayMs: number }
  | ({ readonly kind: 'block' | 'pass' } & Death);

/** Of a live message: where it came from, and what it has behind it. */
export interface Parkable {
  readonly lane: string;
  readonly message: Message;
  readonly topic: string;
  readonly position: string;
  /** How many attempts are spent. */
  readonly attempts: number;
  /** Those that are not stored yet. */
  readonly failures: readonly Failure[];
}

export interface Failed {
  readonly lane: string;
  readonly seq: string;
  readonly id: string;
  readonly attempts: number;
  readonly failures: readonly Failure[];
}

export type ParkOutcome = 'stored' | 'duplicate' | 'live' | 'fenced';

/** As many messages are parked as are allowed. */
export class SequencesFullError extends HoldfastError {
  override readonly code = 'parking_full';
  readonly capacity: number;
  constructor(capacity: number) {
    super(
      `${capacity} messages are parked or dead letters already; what comes now waits in its place until some are handled, ` +
        'redriven or discarded',
      { retryable: true },
    );
    this.capacity = capacity;
  }
}

export interface SequencesOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
  /** How many messages may be parked in this group, dead letters included; checked against a count that may be a little old. */
  readonly capacity: number;
}

/**
 * The keys of a group that wait in Postgres, in order, while other keys flow. Calls made at the same time share a
 * statement, or two; after a lost reply each may be made again. Only the current owner of a partition gets anything done: a
 * late one is told `fenced`.
 */
export interface Sequences extends DueSequences {
  /** Takes a partition over. `again`: its owner is the same, and has been fenced by a claim that had ended. */
  own(source: string, partition: number, options?: { readonly again?: boolean }): Promise<OwnedSequences>;
  /** The owner has ended in order. */
  disown(claim: SequenceClaim): Promise<void>;
  /** Stores a live message. Rejects with {@link SequencesFullError}, and with `invalid_message` for what Postgres cannot hold. */
  park(claim: SequenceClaim, message: Parkable, parking: Parking): Promise<ParkOutcome>;
  /** These messages of the key were handled. */
  handled(claim: SequenceClaim, lane: string, seqs: readonly string[]): Promise<'deleted' | 'fenced'>;
  /** The message was handed over and failed. */
  failed(claim: SequenceClaim, failed: Failed, failing: Failing): Promise<'written' | 'fenced'>;
  /** As `handled`, and nothing of the key runs: it waits for its next message, or goes back to the live path. */
  rest(claim: SequenceClaim, lane: string, seqs: readonly string[]): Promise<'parked' | 'unparked' | 'fenced'>;
}

export interface OwnedSequences {
  readonly claim: SequenceClaim;
  /** How many owners in a row have died. */
  readonly deaths: number;
  /** The keys that are parked. */
  readonly lanes: readonly string[];
  /** Messages that were running when an owner died, with how often each has run alone then. */
  readonly suspects: ReadonlyMap<string, number>;
}

export const createSequences = <Tx>({ database, group, capacity }: SequencesOptions<Tx>): Sequences => {
  const { schema } = database;
  const park = createStoreCall<Tx, ParkOutcome>({ database, group, name: 'inbox_park', atOnce: 2 });
  const drained = createStoreCall<Tx, string>({ database, group, name: 'inbox_drained' });
  const failed = createStoreCall<Tx, string>({ database, group, name: 'inbox_failed' });
  const room = createStoreRoom({ database, group, capacity });

  return {
    ...createDueSequences({ database, group }),
    own: async (source, partition, { again = false } = {}) => {
      const place = [group, source, String(partition)];
      const [row] = await database.execute(
        `select epoch, deaths from ${schema}.inbox_own($1::text, $2::text, $3::text::integer, $4::text::boolean)`,
        [...place, String(again)],
      );
      const suspects = await database.execute(
        `select id, deaths::text as deaths from ${schema}.inbox_starts
         where "group" = $1::text and source = $2::text and partition = $3::text::integer`,
        place,
      );
      const lanes = await database.execute(
        `select lane from ${schema}.inbox_sequences
         where "group" = $1::text and source = $2::text and partition = $3::text::integer`,
        place,
      );
      return {
        claim: { source, partition, epoch: String(row?.epoch) },
        deaths: Number(row?.deaths),
        lanes: lanes.map(({ lane }) => lane ?? ''),
        suspects: new Map(suspects.map(({ id, deaths }) => [id ?? '', Number(deaths)])),
      };
    },
    disown: async ({ source, partition, epoch }) => {
      await database.execute(
        `select ${schema}.inbox_disown($1::text, $2::text, $3::text::integer, $4::text::bigint)::text`,
        [group, source, String(partition), epoch],
      );
    },
    park: async ({ source, partition, epoch }, parkable, parking) => {
      const { message, lane, topic, position, attempts, failures } = parkable;
      checkStorable(message);
      if (!(await room.take())) throw new SequencesFullError(capacity);
      const { id, type, key } = message;
      const headers = JSON.stringify(message.headers);
      const { body, encoding = 'utf8' } = encodeBody(message.body);
      // Spelled out: to spread its parts into it took the process three times as long.
      const row = { source, partition, epoch, id, type, key, headers, encoding, body, lane, topic, position, attempts };
      return park({ ...row, ...parking, errors: failures });
    },
    handled: async (claim, lane, seqs) =>
      (await drained({ ...claim, lane, seqs, rest: false })) === 'fenced' ? 'fenced' : 'deleted',
    failed: async (claim, { failures, ...message }, failing) =>
      (await failed({ ...claim, ...message, ...failing, errors: failures })) === 'fenced' ? 'fenced' : 'written',
    rest: async (claim, lane, seqs) =>
      (await drained({ ...claim, lane, seqs, rest: true })) as 'parked' | 'unparked' | 'fenced',
  };
};
