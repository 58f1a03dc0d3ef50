import {
  type Contract,
  createRuntime,
  InvalidOptionError,
  type Ordering,
  type Runtime,
  type StartPosition,
  type Transport,
} from '@holdfast/core';
import { type Backoff, exponential } from '@holdfast/policies';
import type { Database } from '@holdfast/postgres';
import { checkDeduplicate, type DeduplicateOptions } from './deduplicate.ts';

/** How often a failed message is tried again, and when. */
export interface RetryOptions {
  /**
   * How often a message is handed over at most; after that it is a dead letter. With a database what a parked message
   * has spent is stored with it; what waits in process (up to `holdMs`) is counted by the owner of its partition, and
   * another owner begins anew with it. With `store-first`: counted by the owner of its shard. Default 10.
   */
  readonly attempts?: number | undefined;
  /** How long to wait after each failure. Default: exponential from 200 ms to 5,000 ms with full jitter. */
  readonly backoff?: Backoff | undefined;
  /** Errors for which trying again is useless: their messages are dead letters at once. Default: none. */
  readonly unless?: ((error: unknown) => boolean) | undefined;
}

export type AfterDeadLetter = 'block' | 'continue';

export interface ConsumerOptions<Tx> {
  readonly transport: Transport;
  /** Consumers of one group share the messages; every group sees all of them. */
  readonly group: string;
  /** Where a group starts that the broker does not know yet. */
  readonly from: StartPosition;
  /** Keeps the inbox, so that handlers get `once`. Its tables are made by `migrate(database, [inboxSchema])`. */
  readonly database?: Database<Tx>;
  /**
   * Turns away copies of messages by an idempotency store, where effects are not in a Postgres: a message is claimed before
   * its handler runs and recorded after it. In place of a database, whose inbox does the same more strictly.
   */
  readonly deduplicate?: DeduplicateOptions | undefined;
  readonly retry?: RetryOptions | undefined;
  /** How long one attempt may take. Then its signal aborts; the attempt has failed when the handler has stopped. Default: for ever. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long all attempts of a message in this process may take together, waits included; then it is a dead letter. Waits
   * for an inbox that does not answer are left out, and a new owner of the partition begins anew. Default: for ever.
   */
  readonly totalTimeoutMs?: number | undefined;
  /** How many handlers run at once. Default 16, or the largest batch of `onBatch` if that is more. */
  readonly concurrency?: number | undefined;
  /** How many messages are in process, waiting retries included. Bounds memory. Default 1,000. */
  readonly maxInFlight?: number | undefined;
  /** Default `key`: the messages of one key one after another, in order. */
  readonly ordering?: Ordering | undefined;
  /** What happens to a type without a handler: `ignore` (default) settles it, counted and logged once; `reject` makes it a dead letter. */
  readonly unhandled?: 'ignore' | 'reject' | undefined;
  /** `direct` (default): settled when handled. `store-first`: settled when stored in Postgres, handled from there. Needs a database. */
  readonly inbox?: 'direct' | 'store-first' | undefined;
  /**
   * How long the inbox remembers that a message of this group took effect; what is older is deleted, a few at a time. A
   * copy that comes later takes effect again: keep it longer than the broker keeps messages, than messages may wait in the
   * store, and than dead letters wait to be run again. Refused when shorter than all retries of a message together.
   * Default 30 days; `Infinity` keeps everything.
   */
  readonly retentionMs?: number | undefined;
  /**
   * The longest wait for a retry in process, where it holds up its key and counts to `maxInFlight`. A longer one is parked
   * with a database: stored, with what follows of its key, while other keys flow. Without one a backoff that can ask
   * for more is refused at `start`. With `store-first` all wait in the store, for as long as their shard stays with this
   * process; another owner begins at once. At most `capabilities.maxHoldMs`, which is the default without a database;
   * with one it is 5,000.
   */
  readonly holdMs?: number | undefined;
  /**
   * What becomes of a key when one of its messages is a dead letter. `block`: it waits behind it, in the store, until
   * somebody redrives or discards the dead letter; needs a database and `inbox: 'direct'`, and is then the default.
   * `continue`: it goes on.
   */
  readonly afterDeadLetter?: AfterDeadLetter | undefined;
  /**
   * How many messages may be parked in the group, dead letters included. When it is full, what would be parked stays where
   * it is and holds up its partition, and health says so. Needs a database. Default 100,000.
   */
  readonly parkedCapacity?: number | undefined;
  /**
   * A message whose handler kills the process is a dead letter after so many deaths in which nothing else ran: what may have
   * killed it runs alone from the second death in a row on. Needs a database and `inbox: 'direct'`. Default 3.
   */
  readonly suspectDeaths?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** {@link ConsumerOptions}, checked, with every default in its place. */
export interface Settings<Tx> {
  readonly transport: Transport;
  readonly group: string;
  readonly from: StartPosition;
  readonly database: Database<Tx> | undefined;
  readonly deduplicate: DeduplicateOptions | undefined;
  readonly attempts: number;
  readonly backoff: Backoff;
  readonly unless: (error: unknown) => boolean;
  readonly timeoutMs: number | undefined;
  readonly totalTimeoutMs: number | undefined;
  readonly concurrency: number | undefined;
  readonly maxInFlight: number;
  readonly ordering: Ordering;
  readonly unhandled: 'ignore' | 'reject';
  readonly inbox: 'direct' | 'store-first';
  readonly retentionMs: number;
  readonly holdMs: number;
  readonly afterDeadLetter: AfterDeadLetter;
  readonly parkedCapacity: number;
  readonly suspectDeaths: number;
  /** Above it a wait is cut. */
  readonly maxDelayMs: number;
  readonly runtime: Runtime;
}

const known = [
  'transport',
  'group',
  'from',
  'database',
  'deduplicate',
  'retry',
  'timeoutMs',
  'totalTimeoutMs',
  'concurrency',
  'maxInFlight',
  'ordering',
  'unhandled',
  'inbox',
  'retentionMs',
  'holdMs',
  'afterDeadLetter',
  'parkedCapacity',
  'suspectDeaths',
  'runtime',
];
const knownOfRetry = ['attempts', 'backoff', 'unless'];

/** Throws {@link InvalidOptionError} for what cannot work or is not known. */
export const checkOptions = <Tx>(options: ConsumerOptions<Tx>): Settings<Tx> => {
  refuseUnknown('createConsumer', known, options);
  if (options.retry !== undefined) checkRetry(options.retry);
  const { transport, group, from, database, retry = {}, ordering = 'key', unhandled = 'ignore' } = options;
  const { inbox = 'direct', timeoutMs, totalTimeoutMs, concurrency, maxInFlight = 1_000 } = options;
  const { attempts = 10, unless = () => false } = retry;
  if (typeof transport?.subscribe !== 'function') throw invalid('transport', transport, 'a transport');
  if (typeof group !== 'string' || group === '') throw invalid('group', group, 'the name of a group');
  checkOneOf('from', from, ['earliest', 'latest']);
  checkOneOf('ordering', ordering, ['key', 'none']);
  checkOneOf('unhandled', unhandled, ['ignore', 'reject']);
  checkOneOf('inbox', inbox, ['direct', 'store-first']);
  if (inbox === 'store-first' && database === undefined) {
    throw new InvalidOptionError('inbox', "'store-first' stores messages in Postgres; give a database");
  }
  checkDeduplicate(options.deduplicate, database);
  if (attempts !== Number.POSITIVE_INFINITY) checkCount('retry.attempts', attempts);
  if (timeoutMs !== undefined) checkMs('timeoutMs', timeoutMs);
  if (totalTimeoutMs !== undefined) checkMs('totalTimeoutMs', totalTimeoutMs);
  if (concurrency !== undefined) checkCount('concurrency', concurrency);
  checkCount('maxInFlight', maxInFlight);
  const { retentionMs = thirtyDaysMs } = options;
  if (retentionMs !== Number.POSITIVE_INFINITY) checkMs('retentionMs', retentionMs);
  const parks = database !== undefined && inbox === 'direct';
  const holdMs = checkHold(options.holdMs, transport, parks);
  const afterDeadLetter = checkAfterDeadLetter(options.afterDeadLetter, { database, inbox });
  const parkedCapacity = checkOfParking('parkedCapacity', options.parkedCapacity, parks) ?? 100_000;
  const suspectDeaths = checkOfParking('suspectDeaths', options.suspectDeaths, parks) ?? 3;
  return {
    transport,
    group,
    from,
    database,
    deduplicate: options.deduplicate,
    attempts,
    backoff: retry.backoff ?? exponential({ baseMs: Math.min(200, holdMs), maxMs: Math.min(5_000, holdMs) }),
    unless,
    timeoutMs,
    totalTimeoutMs,
    concurrency,
    maxInFlight,
    ordering,
    unhandled,
    inbox,
    retentionMs,
    holdMs,
    afterDeadLetter,
    parkedCapacity,
    suspectDeaths,
    maxDelayMs: database === undefined ? holdMs : Number.POSITIVE_INFINITY,
    runtime: createRuntime(options.runtime),
  };
};

const thirtyDaysMs = 30 * 24 * 3_600_000;

const checkRetry = (retry: RetryOptions): void => {
  if (typeof retry !== 'object' || retry === null)
    throw invalid('retry', retry, 'an object with attempts, backoff, unless');
  refuseUnknown('retry', knownOfRetry, retry);
  for (const rule of ['backoff', 'unless'] as const) {
    if (retry[rule] !== undefined && typeof retry[rule] !== 'function')
      throw invalid(`retry.${rule}`, retry[rule], 'a function');
  }
};

/** Throws {@link InvalidOptionError} for what could not be found out before a message comes. */
export const checkHandler = (contract: Contract, handler: unknown): void => {
  if (typeof contract?.type !== 'string') throw invalid('contract', contract, 'a contract, made by defineMessage');
  if (typeof handler !== 'function') throw invalid('handler', handler, `a function that handles '${contract.type}'`);
};

const checkHold = (
  holdMs: number | undefined,
  { name, capabilities: { maxHoldMs } }: Transport,
  parks: boolean,
): number => {
  if (holdMs === undefined) return parks ? Math.min(defaultHoldMs, maxHoldMs) : maxHoldMs;
  checkMs('holdMs', holdMs);
  if (holdMs <= maxHoldMs) return holdMs;
  throw new InvalidOptionError(
    'holdMs',
    `found ${holdMs}, but transport '${name}' holds a message for ${maxHoldMs} ms at most`,
  );
};

const defaultHoldMs = 5_000;

const checkAfterDeadLetter = (
  found: AfterDeadLetter | undefined,
  { database, inbox }: { readonly database: unknown; readonly inbox: 'direct' | 'store-first' },
): AfterDeadLetter => {
  const blocks = database !== undefined && inbox === 'direct';
  if (found === undefined) return blocks ? 'block' : 'continue';
  checkOneOf('afterDeadLetter', found, ['block', 'continue']);
  if (found === 'continue' || blocks) return found;
  throw new InvalidOptionError(
    'afterDeadLetter',
    database === undefined
      ? "'block' keeps what follows a dead letter in Postgres; give a database, or take 'continue'"
      : "'block' is not there with inbox: 'store-first'; take 'continue', or inbox: 'direct'",
  );
};

const checkOfParking = (option: string, found: number | undefined, parks: boolean): number | undefined => {
  if (found === undefined) return undefined;
  checkCount(option, found);
  if (parks) return found;
  throw new InvalidOptionError(option, "parking and counting crashes need a database, and inbox: 'direct'");
};

/** An option that is not known would otherwise be a promise silently not kept. */
const refuseUnknown = (where: string, names: readonly string[], options: object): void => {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new InvalidOptionError(name, `${where} has no such option; it has ${names.join(', ')}`);
  }
};

const checkOneOf = (option: string, found: unknown, expected: readonly string[]): void => {
  if (!expected.includes(found as string)) {
    throw invalid(option, found, expected.map((value) => `'${value}'`).join(' or '));
  }
};

/** Throws {@link InvalidOptionError} for what cannot be counted with. */
export const checkCount = (option: string, found: number): void => {
  if (!Number.isSafeInteger(found) || found < 1) throw invalid(option, found, 'a whole number from 1');
};

const checkMs = (option: string, found: number): void => {
  if (!(Number.isFinite(found) && found > 0)) throw invalid(option, found, 'a number of milliseconds above 0');
};

const invalid = (option: string, found: unknown, expected: string): InvalidOptionError =>
  new InvalidOptionError(option, `found ${describe(found)}; expected ${expected}`);

const describe = (value: unknown): string =>
  typeof value === 'string' ? `'${value}'` : typeof value === 'object' && value !== null ? 'an object' : String(value);
