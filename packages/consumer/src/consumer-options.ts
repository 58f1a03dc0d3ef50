import type { Message, Ordering, PolicyObject, Runtime, StartPosition, Transport } from '@holdfast/core';
import type { Backoff, Bulkhead, CircuitBreaker, RetryBudget, TenantBulkhead } from '@holdfast/policies';
import type { Database } from '@holdfast/postgres';
import type { DeduplicateOptions } from './deduplicate.ts';
import type { Tenants } from './tenant-guard.ts';
import type { WatchedPolicy } from './watched-policy.ts';

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
  /**
   * Attempts are spent on retries only as far as it allows: `retryBudget({ share: 0.1 })` is one for ten messages that
   * succeed. A retry that it refuses comes later, after 5,000 ms (at most `holdMs`), and spends no attempt. Default: no limit.
   */
  readonly budget?: RetryBudget | undefined;
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
  /**
   * Sees every attempt. While it is open the source is paused, without leaving the group, and no attempt is spent; then
   * its trials and its ramp let messages through again. Errors for which no retry helps are no failures to it.
   * A policy of cockatiel may be given; what is a failure to one says its own filter.
   */
  readonly breaker?: CircuitBreaker | PolicyObject | undefined;
  /**
   * Around all handlers, beside `concurrency`; may be shared with what else uses the same thing. While it is full the source
   * is paused, and no attempt is spent. One per tenant (`tenantBulkhead`) holds up only the keys of a tenant whose slots are
   * taken: with a database they are parked, without one they wait in process, as retries do; it needs `tenantOf`. May be of cockatiel, too.
   */
  readonly bulkhead?: Bulkhead | TenantBulkhead | PolicyObject | undefined;
  /** Whose message it is. A message for which it throws, or gives no text, is a dead letter. */
  readonly tenantOf?: ((message: Message) => string) | undefined;
  /** How long one attempt may take. Then its signal aborts; the attempt has failed when the handler has stopped. Default: for ever. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long all attempts of a message in this process may take together, with the waits that `retry` asks for between
   * them; then it is a dead letter. Counted are an attempt's time from the start of its handler (a schema that asks others
   * included) to its end, and each backoff. Not counted: waits for a handler slot, for a policy, while the consumer is
   * paused, for what the broker does, and for an inbox that does not answer. A new owner of the partition begins anew.
   * Default: for ever.
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
   * for more is refused at `start`. With `store-first` all wait in the store; of a longer one the attempts and the time it is
   * due are written down for whoever owns its shard then. At most `capabilities.maxHoldMs`, which is the default without
   * a database; with one it is 5,000.
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
   * killed it runs alone from the second death in a row on. Needs a database. Default 3.
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
  readonly budget: RetryBudget | undefined;
  readonly breaker: WatchedPolicy | undefined;
  /** Where it is one for all. */
  readonly bulkhead: WatchedPolicy | undefined;
  readonly tenants: Tenants | undefined;
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
