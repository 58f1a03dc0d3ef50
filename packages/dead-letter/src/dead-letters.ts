import {
  type Contract,
  createRuntime,
  encodeMessage,
  HoldfastError,
  headerNames,
  type InputOf,
  InvalidOptionError,
} from '@holdfast/core';
import { encodeBody } from '@holdfast/inbox';
import type { Row } from '@holdfast/postgres';
import type { AuditEntry } from './audit-entry.ts';
import { createAuditLog } from './audit-log.ts';
import {
  type DeadLetter,
  type DeadLetterDetails,
  deadLetter,
  deadLetterDetails,
  letterColumns,
} from './dead-letter.ts';
import { checkChoice, checkFilter, type DeadLetterChoice, type DeadLetterFilter, fits } from './dead-letter-filter.ts';
import {
  checkOptions,
  checkPage,
  checkReason,
  checkRedrive,
  type DeadLettersOptions,
  type Page,
  type RedriveOptions,
} from './options.ts';

/** Failures that look alike. */
export interface DeadLetterGroup {
  readonly signature: string;
  readonly letters: number;
  /** Of one of them. */
  readonly reason: string;
  readonly oldestDiedAt: Date;
  readonly newestDiedAt: Date;
}

/** How many, and how many of them had died longer than `maxAgeMs` ago. */
export interface Redriven {
  readonly letters: number;
  readonly old: number;
}

/**
 * The dead letters of a group, and what is done with them. Each verb is one or a few short transactions, noted in the
 * audit by the same; doing one twice, also at once, is harmless: the second finds nothing to do. Nothing here goes
 * through the topic: other groups see none of it. The group's consumers act on it within a second or two.
 * Rejects with `invalid_option` for a filter with a part that is unknown or undefined, before anything is done.
 */
export interface DeadLetters {
  /** In the order in which they were stored. */
  list(filter?: DeadLetterFilter, page?: Page): Promise<readonly DeadLetter[]>;
  /** The largest first. */
  groups(filter?: DeadLetterFilter): Promise<readonly DeadLetterGroup[]>;
  show(id: string): Promise<DeadLetterDetails | undefined>;
  /** They run again, with their ids and new attempts, each before what waits behind it. */
  redrive(choice: DeadLetterChoice, options?: RedriveOptions): Promise<Redriven>;
  /** They stay dead letters, and their keys go on without them; so does what is held. Gives back how many. */
  skip(choice: DeadLetterChoice, reason: string): Promise<number>;
  /** They are deleted, held ones too, their keys go on, and their copies are turned away. Gives back how many. */
  discard(choice: DeadLetterChoice, reason: string): Promise<number>;
  /**
   * Puts another message in the place of one: a new id, the payload checked by the contract, its `causationid` the old id.
   * It stays a dead letter until it is redriven. Gives back the new id. Rejects with `invalid_option` for the contract of
   * another type, with `invalid_payload`, with {@link NoDeadLetterError}, and with {@link KeyChangedError} where the payload
   * has another key.
   */
  edit<C extends Contract>(id: string, contract: C, payload: InputOf<C>, reason: string): Promise<string>;
  /** What was done, newest first. */
  audit(page?: Page): Promise<readonly AuditEntry[]>;
}

/** There is no dead letter with this id. */
export class NoDeadLetterError extends HoldfastError {
  override readonly code = 'no_dead_letter';
}

/** An edited message would leave the place of its key. */
export class KeyChangedError extends HoldfastError {
  override readonly code = 'key_changed';
}

const batchSize = 500;

export const createDeadLetters = <Tx>(options: DeadLettersOptions<Tx>): DeadLetters => {
  const { database, group, by, maxAgeMs, auditRetentionMs } = checkOptions(options);
  const runtime = createRuntime(options.runtime);
  const { schema } = database;
  const log = createAuditLog({ database, group, retentionMs: auditRetentionMs, runtime });

  const select = (columns: string, filter: DeadLetterFilter, { limit = 100, after = '0' }: Page = {}) =>
    database.execute(
      `select ${columns} from ${schema}.inbox_parked p
       where ${fits(schema)} and p.seq > $3::text::bigint order by p.seq limit $4::text::bigint`,
      [group, JSON.stringify(filter), after, String(limit)],
    );

  /** Batch by batch: none of them holds locks for long. All are found first, since acting on one may bring up the next. */
  const eachBatch = async (filter: DeadLetterFilter, act: (batch: readonly Row[]) => Promise<void>): Promise<void> => {
    const old = `coalesce(p.died_at < ${schema}.now() - '${maxAgeMs}'::float8 * interval '1 millisecond', false)::text as old`;
    const batches: (readonly Row[])[] = [];
    for (let after: string | null | undefined = '0'; after != null; after = batches.at(-1)?.at(-1)?.seq) {
      batches.push(await select(`p.seq::text as seq, ${old}`, filter, { limit: batchSize, after }));
    }
    for (const batch of batches) if (batch.length > 0) await act(batch);
  };

  const act = async (
    verb: AuditEntry['verb'],
    batch: readonly Row[],
    { reason = '', perSecond = 0, earlier = 0 }: { reason?: string | undefined; perSecond?: number; earlier?: number },
  ): Promise<readonly string[]> => {
    const rows = await database.execute(
      `select acted from ${schema}.dead_letters_act(
         $1::text, $2::text, $3::text::jsonb, $4::text, $5::text, $6::text::float8, $7::text::integer)`,
      [group, verb, JSON.stringify(batch.map(({ seq }) => seq)), by, reason, String(perSecond), String(earlier)],
    );
    return rows.map(({ acted }) => acted ?? '');
  };

  const actOnAll = async (verb: 'skip' | 'discard', choice: DeadLetterChoice, reason: string): Promise<number> => {
    const filter = checkChoice(choice);
    checkReason(reason);
    let all = 0;
    await eachBatch(filter, async (batch) => {
      all += (await act(verb, batch, { reason })).length;
    });
    await log.upkeep();
    return all;
  };

  const show = async (id: string): Promise<DeadLetterDetails | undefined> => {
    const columns = `${letterColumns(schema)}, p.headers, p.body, p.encoding, p.errors::text as errors`;
    const [row] = await select(columns, { id }, { limit: 1 });
    return row && deadLetterDetails(row);
  };

  return {
    list: async (filter = {}, page = {}) =>
      (await select(letterColumns(schema), checkFilter(filter), checkPage(page))).map(deadLetter),
    groups: async (filter = {}) => {
      const rows = await database.execute(
        `select p.signature, count(*)::text as letters, min(p.reason) as reason,
           (extract(epoch from min(p.died_at)) * 1000)::text as oldest, (extract(epoch from max(p.died_at)) * 1000)::text as newest
         from ${schema}.inbox_parked p where ${fits(schema)} and p.state <> 'waiting'
         group by p.signature order by count(*) desc, p.signature limit 1000`,
        [group, JSON.stringify(checkFilter(filter))],
      );
      return rows.map((row) => ({
        signature: row.signature ?? '',
        letters: Number(row.letters),
        reason: row.reason ?? '',
        oldestDiedAt: new Date(Number(row.oldest)),
        newestDiedAt: new Date(Number(row.newest)),
      }));
    },
    show,
    redrive: async (choice, options = {}) => {
      const filter = checkChoice(choice);
      checkRedrive(options);
      const { only, perSecond = 0, dryRun = false, reason } = options;
      let letters = 0;
      let old = 0;
      await eachBatch(filter, async (batch) => {
        const verb = only === 'head' ? 'redrive head' : 'redrive';
        const acted = dryRun
          ? batch.map(({ seq }) => seq ?? '')
          : await act(verb, batch, { reason, perSecond, earlier: letters });
        const seqs = new Set(acted);
        letters += acted.length;
        old += batch.filter((row) => row.old === 'true' && seqs.has(row.seq ?? '')).length;
      });
      if (!dryRun) await log.upkeep();
      if (old > 0) {
        runtime.log.warn(
          { group, old, maxAgeMs, dryRun },
          'dead letters are redriven of which the inbox may have forgotten copies',
        );
      }
      return { letters, old };
    },
    skip: (choice, reason) => actOnAll('skip', choice, reason),
    discard: (choice, reason) => actOnAll('discard', choice, reason),
    edit: async (id, contract, payload, reason) => {
      checkReason(reason);
      const letter = await show(id);
      if (letter === undefined) throw noLetter(group, id);
      const { message } = letter;
      if (contract.type !== message.type) {
        throw new InvalidOptionError(
          'contract',
          `found the contract of '${contract.type}', message '${id}' is a '${message.type}'; give the contract of its type`,
        );
      }
      const { correlationId, causationId, contentType, version } = headerNames;
      const { [contentType]: _type, [version]: _version, ...headers } = message.headers;
      const kept = { ...headers, [correlationId]: headers[correlationId] ?? id, [causationId]: id };
      const edited = await encodeMessage(contract, payload, { headers: kept }, runtime);
      if (edited.key !== message.key) {
        throw new KeyChangedError(
          `message '${id}' has the key '${message.key}', its edited payload has '${edited.key}'; discard it and publish another`,
        );
      }
      const { body, encoding = 'utf8' } = encodeBody(edited.body);
      const values = [group, letter.place, edited.id, JSON.stringify(edited.headers), body, encoding, by, reason];
      const rows = await database.execute(
        `select edited from ${schema}.dead_letters_edit(
           $1::text, $2::text::bigint, $3::text, $4::text, $5::text, $6::text, $7::text, $8::text)`,
        values,
      );
      if (rows.length === 0) throw noLetter(group, id);
      await log.upkeep();
      return edited.id;
    },
    audit: async (page = {}) => log.read(checkPage(page)),
  };
};

const noLetter = (group: string, id: string): NoDeadLetterError =>
  new NoDeadLetterError(`group '${group}' has no dead letter '${id}'; it may have been redriven, edited or discarded`);
