import { isHoldfastError } from '@holdfast/core';
import type { Lease, LeaseShare, LeaseStore } from '@holdfast/flow';
import type { Connection } from './connection.ts';
import { RedisTimeoutError } from './errors.ts';
import type { Keys } from './keys.ts';
import { beat, countMembers, release } from './lua/lease.ts';
import { isRefusal } from './reply-error.ts';
import { runScript, textsOf } from './script.ts';
import type { Signals } from './signals.ts';
import type { Topic } from './topic.ts';

export interface LeaseStoreOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly signals: Signals;
  readonly topic: Topic;
  readonly group: string;
  readonly owner: string;
  readonly leaseMs: number;
}

/** The leases of a group on a topic's partitions, in Redis, by the server's time. */
export const createLeaseStore = (options: LeaseStoreOptions): LeaseStore => {
  const { connection, keys, signals, topic, group, leaseMs } = options;
  const owner = encodeURIComponent(options.owner);
  const channel = keys.signals(topic, group);
  const scriptKeys = [keys.leases(topic, group), keys.members(topic, group)];
  const pairs = (held: readonly Lease[]): string[] => held.flatMap(({ slot, epoch }) => [String(slot), epoch]);
  const flag = (value: boolean): string => (value ? '1' : '0');
  return {
    beat: async (held, leaving, signal) => {
      const args = [owner, topic.partitions, leaseMs, flag(leaving), channel, ...pairs(held)];
      return shareOf(textsOf(await orAborted(runScript(connection, beat, { keys: scriptKeys, args }), signal)));
    },
    release: async (held, leaving, signal) => {
      const args = [owner, flag(leaving), channel, ...pairs(held)];
      await orAborted(runScript(connection, release, { keys: scriptKeys, args }), signal);
    },
    listen: (onSignal) => signals.listen(channel, onSignal),
    mayPass: (error) => !isRefusal(error) && !isHoldfastError(error, 'closed'),
    late: (timeoutMs) => new RedisTimeoutError(Math.round(timeoutMs)),
  };
};

/** How many subscriptions of the group live. */
export const membersOf = async (
  connection: Connection,
  keys: Keys,
  { topic, group }: { readonly topic: Topic; readonly group: string },
): Promise<number> =>
  Number(await runScript(connection, countMembers, { keys: [keys.members(topic, group)], args: [] }));

const shareOf = ([missing, _members, ...rows]: readonly string[]): LeaseShare => ({
  missing: Number(missing),
  leases: Array.from({ length: rows.length / 3 }, (_, n) => ({
    slot: Number(rows[n * 3]),
    epoch: rows[n * 3 + 1] ?? '',
    releasing: rows[n * 3 + 2] === '1',
    takenOver: false,
    deaths: 0,
  })),
});

const orAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};
