import { GroupRunningError, InvalidOptionError, type SeekTarget } from '@holdfast/core';
import type { Connection } from './connection.ts';
import { type Groups, partitionsOf } from './groups.ts';
import type { Keys } from './keys.ts';
import { createLeaseStore, membersOf } from './lease-store.ts';
import { moveGroup } from './lua/groups.ts';
import { pairsOf, runScript } from './script.ts';
import type { Signals } from './signals.ts';
import type { Topic } from './topic.ts';

export interface SeekOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly groups: Groups;
  readonly signals: Signals;
  readonly owner: string;
}

/** How long a seek may take until a subscription that starts meanwhile gets its partitions. */
const seekLeaseMs = 10_000;

/**
 * Moves a group that no subscription reads for. Throws `group_running` and `invalid_option`. Holds all partitions of the
 * group meanwhile, so that a subscription that starts now gets them afterwards.
 */
export const seekGroup = async (
  options: SeekOptions,
  { topic, group }: { readonly topic: Topic; readonly group: string },
  to: SeekTarget,
): Promise<void> => {
  const { connection, keys, groups, signals, owner } = options;
  const known = await groups.read(topic);
  if (!known.some((one) => one.group === group)) {
    throw new InvalidOptionError('group', `topic '${topic.name}' has no group '${group}'; subscribe or apply it first`);
  }
  const targets = await targetsOf(connection, keys, { topic, to });
  const members = await membersOf(connection, keys, { topic, group });
  if (members > 0) throw new GroupRunningError(topic.name, group, members);
  const store = createLeaseStore({ connection, keys, signals, topic, group, owner, leaseMs: seekLeaseMs });
  const never = new AbortController().signal;
  const { leases } = await store.beat([], false, never);
  const held = leases.map(({ slot, epoch }) => ({
    ...{ slot, epoch, owner, takenOver: false, deaths: 0, signal: never },
    holds: () => true,
  }));
  try {
    if (held.length < topic.partitions) throw new GroupRunningError(topic.name, group, 1);
    for (const [partition, id] of targets) {
      await runScript(connection, moveGroup, { keys: [keys.stream(topic, partition)], args: [group, id] });
    }
  } finally {
    await store.release(held, true, never);
  }
};

const targetsOf = async (
  connection: Connection,
  keys: Keys,
  { topic, to }: { readonly topic: Topic; readonly to: SeekTarget },
): Promise<ReadonlyMap<number, string>> => {
  if (to === 'earliest') return new Map(partitionsOf(topic).map((partition) => [partition, '0']));
  if (to === 'latest') return new Map(partitionsOf(topic).map((partition) => [partition, '$']));
  const targets = new Map<number, string>();
  for (const [name, position] of Object.entries(to.positions)) {
    const partition = partitionsOf(topic).find((one) => String(one) === name);
    if (partition === undefined) {
      throw new InvalidOptionError(
        'positions',
        `topic '${topic.name}' has no partition ${name}; it has 0 to ${topic.partitions - 1}`,
      );
    }
    const last = await lastIdOf(connection, keys.stream(topic, partition));
    const id = idOf(position);
    if (id === undefined || compareIds(id, last) > 0) {
      throw new InvalidOptionError(
        'positions',
        `found '${position}' for partition ${name} of topic '${topic.name}'; expected the position of a message, up to ${last.join('-')}`,
      );
    }
    targets.set(partition, before(id));
  }
  return targets;
};

type Id = readonly [ms: bigint, sequence: bigint];

const maxSequence = 2n ** 64n - 1n;

const idOf = (text: string): Id | undefined => {
  const [, ms, sequence] = /^(\d{1,20})-(\d{1,20})$/.exec(text) ?? [];
  return ms === undefined || sequence === undefined ? undefined : [BigInt(ms), BigInt(sequence)];
};

const compareIds = (a: Id, b: Id): number => {
  const [one, other] = a[0] === b[0] ? [a[1], b[1]] : [a[0], b[0]];
  return one < other ? -1 : Number(one > other);
};

/** A position names the message that comes next; Redis keeps the one before it. */
const before = ([ms, sequence]: Id): string => {
  if (sequence > 0n) return `${ms}-${sequence - 1n}`;
  return ms > 0n ? `${ms - 1n}-${maxSequence}` : '0-0';
};

const lastIdOf = async (connection: Connection, stream: string): Promise<Id> => {
  const info = pairsOf(await connection.call('xinfo', ['STREAM', stream]));
  return idOf(info.get('last-generated-id') ?? '') ?? [0n, 0n];
};
