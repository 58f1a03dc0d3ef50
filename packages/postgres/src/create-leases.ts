import { createHash } from 'node:crypto';
import { createRuntime } from '@holdfast/core';
import { createSharedLeases, type Lease, type SharedLeases, type SharedLeasesOptions } from '@holdfast/flow';
import { DatabaseTimeoutError } from './abort.ts';
import { classify } from './classify.ts';
import { createListener } from './create-listener.ts';
import type { Database } from './database.ts';
import { leaseStatements } from './lease-statements.ts';

export interface LeasesOptions<Tx> extends Omit<SharedLeasesOptions, 'store' | 'owner'> {
  readonly database: Database<Tx>;
  /** Unique for every call of `createLeases`. Default: a new id. */
  readonly owner?: string | undefined;
}

/** The slots of a scope that this member owns, shared evenly with all live members. */
export interface Leases extends SharedLeases {
  /** Starts the count of deaths again: call it when the slot has been worked on with success. */
  resetDeaths(lease: Lease): Promise<void>;
}

/**
 * Shares the slots of a scope with all other members, evenly, each slot with one owner at a time.
 *
 * One statement per beat, three beats per lease. An owner ends its leases by its own monotonic clock, counted from when
 * the last answered beat was sent, before they end in the database. What it writes late all the same is refused by
 * `lease_holds(scope, slot, epoch)` in the same statement.
 */
export const createLeases = <Tx>(options: LeasesOptions<Tx>): Leases => {
  const { database, scope, slots, leaseMs = 10_000 } = options;
  const runtime = createRuntime(options.runtime);
  const owner = options.owner ?? runtime.ids();
  const channel = leaseChannel(database.schema, scope);
  const statements = leaseStatements(database, { scope, owner, slots, leaseMs, channel });
  const leases = createSharedLeases({
    ...options,
    owner,
    store: {
      ...statements,
      listen: (onSignal) => createListener(database, channel, onSignal, { runtime }),
      mayPass: (error) => classify(error) !== 'fatal',
      late: (timeoutMs) => new DatabaseTimeoutError(timeoutMs),
    },
  });
  return {
    ...leases,
    // Read anew at each access.
    get held() {
      return leases.held;
    },
    resetDeaths: statements.resetDeaths,
  };
};

/** One channel per scope, of a length that Postgres takes whatever the scope's name. */
const leaseChannel = (schema: string, scope: string): string =>
  `holdfast_leases_${createHash('sha256').update(`${schema}:${scope}`).digest('hex').slice(0, 24)}`;
