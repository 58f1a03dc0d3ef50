import { createRuntime, InvalidOptionError, type Runtime, requireWhole } from '@holdfast/core';
import type {
  ClaimAnswer,
  ClaimRequest,
  Finished,
  IdempotencyStore,
  Renewal,
  Settling,
  Standing,
} from '@holdfast/idempotency';
import { type CallsOptions, createCalls, type Kind } from './calls.ts';
import { checkServer } from './check-server.ts';
import { inTime } from './in-time.ts';
import type { RedisClient } from './redis-client.ts';
import { claimScript, findScript, renewScript, settleScript } from './scripts.ts';

export interface RedisIdempotencyStoreOptions {
  /**
   * A client of ioredis 5 or 6, or its cluster client; it stays the caller's. Give it a `socketTimeout`, so that a
   * connection that is half open is found out. What the driver sends a second time after a reconnection does no harm.
   */
  readonly client: RedisClient;
  /** Starts the name of every key. Default `holdfast:idempotency:`. */
  readonly prefix?: string | undefined;
  /** How long a call waits for its answer, or for a connection. Shorter than a third of the lease. Default 2,000. */
  readonly commandTimeoutMs?: number | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

/**
 * Keys in Redis 7 or newer, by scripts, each for many keys: calls made at the same time share one. Leases and times are by
 * the server's clock.
 *
 * A key is as durable as Redis: a server that crashes, or a replica that is promoted, without the last writes has
 * forgotten the claims and results in them, and their work may be done again. Whoever works under such a claim is told at
 * its next renewal.
 */
export const redisIdempotencyStore = (options: RedisIdempotencyStoreOptions): IdempotencyStore => {
  const { client, prefix = 'holdfast:idempotency:', commandTimeoutMs = 2_000 } = options;
  if (typeof client?.evalsha !== 'function') {
    throw new InvalidOptionError('client', 'found none with evalsha; give a client of ioredis, or its cluster client');
  }
  if (/[{}]/.test(prefix)) {
    throw new InvalidOptionError('prefix', `found '${prefix}'; braces are the hash tags of a cluster, leave them out`);
  }
  requireWhole('commandTimeoutMs', commandTimeoutMs, 1);
  const { clock, log } = createRuntime(options.runtime);
  const common: CallsOptions = { client, prefix, timeoutMs: commandTimeoutMs, clock };
  const claim = createCalls(common, claiming);
  let checked: Promise<void> | undefined;

  /** Once; again where the server could not be asked. */
  const check = (): Promise<void> => {
    checked ??= inTime(clock, commandTimeoutMs, checkServer(client, log)).catch((error: unknown) => {
      checked = undefined;
      throw error;
    });
    return checked;
  };

  return {
    claim: async (requests) => {
      await check();
      return claim(requests);
    },
    renew: createCalls(common, renewing),
    settle: createCalls(common, settling),
    find: createFind(common),
  };
};

const createFind = (common: CallsOptions): IdempotencyStore['find'] => {
  const find = createCalls(common, finding);
  return (keys) => find(keys.map((key) => ({ key })));
};

/** In an entry, where a space ends each part but the last. */
const part = (text: string): string => {
  if (plain.test(text)) return text;
  return text === '' ? '-' : encodeURIComponent(text).replace(/^-$/, '%2D');
};

/** What stands for itself in an entry; a lone `-` does not. */
const plain = /^[\w.-]{2,}$/;

const claiming: Kind<ClaimRequest, ClaimAnswer> = {
  script: claimScript,
  common: ({ leaseMs, ttlMs }) => [Math.ceil(leaseMs), Math.ceil(ttlMs)],
  alike: (one, other) => one.leaseMs === other.leaseMs && one.ttlMs === other.ttlMs,
  say: (requests) => (areOneClaim(requests) ? requests.slice(0, 1) : requests).map(claimOf),
  read: (code, rest) => {
    switch (code) {
      case 'w':
        return { outcome: 'won', token: rest };
      case 'p':
        return { outcome: 'in_progress', retryAfterMs: Number(rest) };
      case 'k':
        return { outcome: 'key_reused' };
      default:
        return finishedOf(code, rest);
    }
  },
};

/** Whether one text is said of all. */
const areOneClaim = (requests: readonly ClaimRequest[]): boolean => {
  const [first] = requests;
  return requests.every(({ owner, fingerprint }) => owner === first?.owner && fingerprint === first.fingerprint);
};

const claimOf = ({ owner, fingerprint }: ClaimRequest): string => `${part(owner)} ${part(fingerprint)}`;

const renewing: Kind<Renewal, Standing> = {
  script: renewScript,
  common: ({ leaseMs }) => [Math.ceil(leaseMs)],
  alike: (one, other) => one.leaseMs === other.leaseMs,
  say: (renewals) => renewals.map(({ token }) => token),
  read: (code) => standingOf(code),
};

const settling: Kind<Settling, Standing> = {
  script: settleScript,
  common: ({ ttlMs }) => [Math.ceil(ttlMs)],
  alike: (one, other) => one.ttlMs === other.ttlMs,
  say: (settlings) => settlings.flatMap(({ token, end }) => [token, stateOf(end)]),
  read: (code) => standingOf(code),
};

const finding: Kind<{ readonly key: string }, Finished | undefined> = {
  script: findScript,
  common: () => [],
  alike: () => true,
  say: () => [],
  read: (code, rest) => (code === '' ? undefined : finishedOf(code, rest)),
};

const standingOf = (code: string): Standing => (code === '1' ? 'held' : 'lost');

/** The state, and what goes with it. */
const stateOf = (end: Settling['end']): string => {
  switch (end.outcome) {
    case 'done':
      return end.result === undefined ? 'n' : `d${end.result}`;
    case 'failed':
      return `f${end.reason}`;
    case 'released':
      return 'r';
  }
};

const finishedOf = (state: string, rest: string): Finished =>
  state === 'f' ? { outcome: 'failed', reason: rest } : { outcome: 'done', result: state === 'd' ? rest : undefined };
