import { isHoldfastError, type Runtime, sleep } from '@holdfast/core';
import { settledOrAborted, within } from '@holdfast/flow';
import type { Claims } from './claims.ts';
import type { Joined, KafkaDriver, KafkaLink, Membership } from './driver.ts';
import { MembershipLostError, RefusedError } from './errors.ts';
import { createHold } from './hold.ts';
import { createInTime } from './in-time.ts';
import { cooperative, offeredProtocols, readShare, shareFor } from './protocols.ts';

export interface MemberOptions {
  readonly driver: KafkaDriver;
  readonly link: KafkaLink;
  readonly group: string;
  /** By their names on the broker. */
  readonly topics: readonly string[];
  /** How many partitions each of the topics has now. */
  readonly partitionsOf: (topics: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  readonly claims: Pick<Claims, 'held' | 'leaving' | 'owned' | 'reconcile' | 'drainAll' | 'loseAll'>;
  readonly sessionTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly requestTimeoutMs: number;
  readonly drainMs: number;
  readonly runtime: Runtime;
}

/** One member of a group: joins, reports, joins again when the group changes, and leaves. */
export interface Member {
  /** Ends after `stop`; rejects when going on cannot help. */
  run(): Promise<void>;
  /** What it holds has changed: the group shares out anew. */
  rejoin(): void;
  /** As whom to commit. */
  readonly as: Membership;
  /** Whether the group still counts on it, as far as it can know. When not, everything is lost. */
  holds(): boolean;
  /** The group answered what a commit was refused with, that was sent as `as`. */
  refused(error: unknown, as: Membership): void;
  /** Partitions that others still have to let go; undefined while it is not in the group. */
  readonly pending: number | undefined;
  /** Why it is not in the group at the moment. */
  readonly failure: unknown;
  /** Resolves when it is in the group for the first time. */
  readonly joined: Promise<void>;
  /** Leaves the group, or gives up trying after `limitMs`. */
  leave(limitMs: number): Promise<void>;
}

const backoff = { firstMs: 50, longestMs: 2_000 };
/** A join waits for the others, who have a session's time to notice; then for the broker. */
const joinSlackMs = 5_000;

export const createMember = (options: MemberOptions): Member => {
  const { driver, link, group, topics, claims, sessionTimeoutMs, heartbeatMs, requestTimeoutMs, drainMs, runtime } =
    options;
  const { clock, log } = runtime;
  const requests = link.groups.membership;
  const inTime = createInTime(link, clock);
  const hold = createHold({ clock, sessionTimeoutMs, onOver: () => holds() });
  const stop = new AbortController();
  const firstJoin = Promise.withResolvers<void>();
  let wake: () => void = () => {};
  let memberId = '';
  let generation = -1;
  let heldSince = -1;
  let isCooperative = true;
  let pending: number | undefined;
  let failure: unknown;
  let rejoinWanted = false;
  let joining = false;

  const as = (): Membership => ({ group, memberId, generation });

  const lose = (why: string): void => {
    const error = new MembershipLostError(group, why);
    if (claims.owned.length > 0) log.warn({ group, error }, 'lost all partitions of a group');
    pending = undefined;
    claims.loseAll(error);
  };

  const join = async (): Promise<void> => {
    if (!isCooperative) await drainBefore(Math.min(drainMs, sessionTimeoutMs / 2));
    rejoinWanted = false;
    if (memberId === '' && claims.owned.length > 0) lose('it is not known to the group');
    const joined = await inTime('join the group', sessionTimeoutMs + joinSlackMs, () =>
      requests.join({
        ...{ group, memberId, sessionTimeoutMs, rebalanceTimeoutMs: sessionTimeoutMs },
        protocols: offeredProtocols({ topics, owned: claims.held, leaving: claims.leaving, generation: heldSince }),
      }),
    );
    memberId = joined.memberId;
    generation = joined.generation;
    if (isCooperative && joined.protocol !== cooperative) await drainBefore(Math.min(drainMs, sessionTimeoutMs / 3));
    isCooperative = joined.protocol === cooperative;
    const assignments = await sharesOf(joined);
    const syncedMs = clock.monotonic();
    const { places, pending: others } = readShare(
      await inTime('learn its partitions', sessionTimeoutMs + joinSlackMs, () => requests.sync(as(), assignments)),
    );
    hold.heard(syncedMs);
    heldSince = generation;
    pending = others;
    failure = undefined;
    if (stop.signal.aborted) return;
    claims.reconcile(
      places.filter(({ topic }) => topics.includes(topic)),
      generation,
    );
    firstJoin.resolve();
  };

  const sharesOf = async ({ members, protocol }: Joined): Promise<ReadonlyMap<string, Uint8Array>> =>
    members.length === 0 ? new Map() : shareFor(members, protocol, options.partitionsOf);

  /** In a group that shares out with everything in hand, as plain kafkajs does, all is drained before. */
  const drainBefore = (limitMs: number): Promise<void> => within(clock, limitMs, (limit) => claims.drainAll(limit));

  const pause = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        cancel();
        resolve();
      };
      const cancel = clock.after(delayMs, end);
      wake = end;
      if (rejoinWanted || stop.signal.aborted) end();
    });

  /** Reports until the group changes. */
  const report = async (): Promise<void> => {
    while (!stop.signal.aborted && !rejoinWanted) {
      await pause(heartbeatMs);
      if (stop.signal.aborted || rejoinWanted) return;
      const askedMs = clock.monotonic();
      await inTime('report to the group', Math.min(requestTimeoutMs, sessionTimeoutMs / 2), () =>
        requests.heartbeat(as()),
      );
      hold.heard(askedMs);
    }
  };

  const holds = (): boolean => {
    if (hold.stands) return true;
    // Under the name it has: a group that still knows it then need not wait for its session to end.
    if (claims.owned.length > 0) {
      lose(`it has not been heard for ${sessionTimeoutMs} ms`);
      rejoinWanted = true;
      wake();
    }
    return false;
  };

  /** Whether it may go on at once. Throws what trying again does not change. */
  const recover = (error: unknown): boolean => {
    const code = driver.codeOf(error);
    if (code === 'REBALANCE_IN_PROGRESS') return true;
    if (code === 'UNKNOWN_MEMBER_ID' || code === 'ILLEGAL_GENERATION' || code === 'FENCED_INSTANCE_ID') {
      lose(code);
      if (code !== 'ILLEGAL_GENERATION') memberId = '';
      return true;
    }
    if (isHoldfastError(error, 'authentication_failed')) throw error;
    if (code !== undefined && fatal.has(code)) throw new RefusedError(`let anybody into group '${group}'`, code, error);
    failure = error;
    pending = undefined;
    holds();
    return false;
  };

  const run = async (): Promise<void> => {
    let waitMs = backoff.firstMs;
    while (!stop.signal.aborted) {
      try {
        joining = true;
        await join().finally(() => {
          joining = false;
        });
        waitMs = backoff.firstMs;
        await report();
      } catch (error) {
        if (stop.signal.aborted) return;
        if (recover(error)) continue;
        log.warn({ group, error }, 'not in the group at the moment; trying again');
        await sleep(clock, waitMs, stop.signal).catch(() => {});
        waitMs = Math.min(waitMs * 2, backoff.longestMs);
      }
    }
  };

  let running: Promise<void> | undefined;
  return {
    run: () => {
      running ??= run();
      return running;
    },
    rejoin: () => {
      rejoinWanted = true;
      wake();
    },
    get as() {
      return as();
    },
    holds,
    refused: (error, { generation: before }) => {
      const code = driver.codeOf(error);
      if (code !== 'UNKNOWN_MEMBER_ID' && code !== 'ILLEGAL_GENERATION') return;
      // The group went on to its next generation while the commit was on its way; whether we are in that, the join says.
      if (code === 'ILLEGAL_GENERATION' && (joining || before !== generation)) return;
      lose(code);
      if (code === 'UNKNOWN_MEMBER_ID') memberId = '';
      rejoinWanted = true;
      wake();
    },
    get pending() {
      return pending;
    },
    get failure() {
      return failure;
    },
    joined: firstJoin.promise,
    leave: async (limitMs) => {
      stop.abort();
      hold.stop();
      wake();
      await within(clock, limitMs, async (limit) => {
        await settledOrAborted(running ?? Promise.resolve(), limit);
        if (memberId !== '' && !limit.aborted) await settledOrAborted(requests.leave(as()), limit);
      });
    },
  };
};

/** What a group or its broker will go on to answer. */
const fatal: ReadonlySet<string> = new Set([
  'GROUP_AUTHORIZATION_FAILED',
  'TOPIC_AUTHORIZATION_FAILED',
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_GROUP_ID',
  'INVALID_SESSION_TIMEOUT',
  'GROUP_MAX_SIZE_REACHED',
  'UNSUPPORTED_VERSION',
]);
