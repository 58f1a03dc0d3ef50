import { createRuntime, type Runtime, requireWhole } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import type { IdempotencyStore } from '@holdfast/idempotency';
import { checkSchema, type Database, DatabaseTimeoutError } from '@holdfast/postgres';
import { idempotencySchema } from './idempotency-schema.ts';
import { createStatements } from './statements.ts';

export interface PostgresIdempotencyStoreOptions<Tx> {
  /** Its tables are made by `migrate(database, [idempotencySchema])`. */
  readonly database: Database<Tx>;
  /** A call without an answer is given up after so long. Shorter than a third of the lease. Default 2,000. */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * How often, at the most, this store deletes what is over, beside its claims and a few at a time. Default 60,000;
   * `Infinity`: never, call `prune` yourself.
   */
  readonly pruneEveryMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/** {@link IdempotencyStore} in Postgres, and what deletes its old rows. */
export interface PostgresIdempotencyStore extends IdempotencyStore {
  /** Deletes the keys that are over, batch by batch, and gives back how many. Any number of processes may. */
  prune(options?: PruneOptions): Promise<number>;
}

export interface PruneOptions {
  /** How many rows one statement deletes. Default 1,000. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Waiting<In> {
  readonly call: In;
  readonly since: number;
}

/** How many keys a shared statement carries at most; results are larger than claims. */
const batches = { claims: 200, ends: 50, inFlight: 2, capacity: 20_000 };

/**
 * Keys in Postgres, each call one statement, whatever client the `Database` is of: calls made at the same time share one.
 * Leases and times are by the database's clock. A claim or a result is there when its call has resolved, as durable as
 * the database's commits; a standby that is promoted without the last of them has forgotten those keys.
 *
 * Claims are not part of a transaction of yours. Where the work is done in this same Postgres, the inbox is stricter.
 */
export const postgresIdempotencyStore = <Tx>(
  options: PostgresIdempotencyStoreOptions<Tx>,
): PostgresIdempotencyStore => {
  const { database, statementTimeoutMs = 2_000, pruneEveryMs = 60_000 } = options;
  requireWhole('statementTimeoutMs', statementTimeoutMs, 1);
  if (pruneEveryMs !== Number.POSITIVE_INFINITY) requireWhole('pruneEveryMs', pruneEveryMs, 1);
  const { clock, log, meter, random } = createRuntime(options.runtime);
  const statements = createStatements({ database, timeoutMs: statementTimeoutMs, clock });

  /** Calls that are made at the same time are one statement. */
  const shared = <In, Out>(
    run: (calls: readonly In[]) => Promise<readonly Out[]>,
    maxSize: number,
  ): ((calls: readonly In[]) => Promise<readonly Out[]>) => {
    const { inFlight, capacity } = batches;
    const batcher = createBatcher<Waiting<In>, Out>({
      ...{ maxSize, inFlight, capacity },
      run: (batch) => {
        // They waited for a database that does not answer: nothing is sent for them any more.
        const waitedMs = clock.monotonic() - (batch.at(-1)?.since ?? 0);
        if (waitedMs >= statementTimeoutMs) return Promise.reject(new DatabaseTimeoutError(statementTimeoutMs));
        return run(batch.map(({ call }) => call));
      },
    });
    return (calls) => {
      const since = clock.monotonic();
      return Promise.all(calls.map((call) => batcher.submit({ call, since })));
    };
  };

  const claim = shared(statements.claim, batches.claims);
  let checked: Promise<void> | undefined;
  // Apart from one another, where many processes start at once.
  let pruneAt = clock.monotonic() + pruneEveryMs * random();

  /** Once; again where the database could not be asked. */
  const check = (): Promise<void> => {
    checked ??= checkSchema(database, [idempotencySchema]).catch((error: unknown) => {
      checked = undefined;
      throw error;
    });
    return checked;
  };

  const prune = async ({ batchSize = 1_000, signal }: PruneOptions = {}): Promise<number> => {
    requireWhole('batchSize', batchSize, 1);
    let total = 0;
    for (;;) {
      signal?.throwIfAborted();
      const deleted = await statements.deleteOver(batchSize);
      meter.count('holdfast.idempotency.pruned', deleted);
      total += deleted;
      if (deleted < batchSize) return total;
    }
  };

  const pruneInTime = (): void => {
    const now = clock.monotonic();
    if (now < pruneAt) return;
    pruneAt = now + pruneEveryMs;
    prune().catch((error: unknown) => {
      log.warn({ error }, 'old idempotency keys could not be deleted; trying again later');
    });
  };

  return {
    claim: async (requests) => {
      await check();
      pruneInTime();
      return claim(requests);
    },
    renew: shared(statements.renew, batches.claims),
    settle: shared(statements.settle, batches.ends),
    find: shared(statements.find, batches.claims),
    prune,
  };
};
