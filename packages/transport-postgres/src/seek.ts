import { GroupRunningError, InvalidOptionError, type SeekTarget } from '@holdfast/core';
import type { Database, Row } from '@holdfast/postgres';
import { scopeOf } from './owned-partition.ts';
import type { Topic } from './topics.ts';

/**
 * Moves a group that no subscription reads for. Throws `group_running` and `invalid_option`; moves all or nothing.
 * Holds the group's positions from before it looks for subscriptions, so that one that starts now reads the new ones.
 */
export const seekGroup = <Tx>(database: Database<Tx>, topic: Topic, group: string, to: SeekTarget): Promise<void> =>
  database.transaction(async (tx) => {
    const seek: Seek<Tx> = { database, tx, topic, group };
    const ranges = await lockPositions(seek);
    const members = await countMembers(seek);
    if (members > 0) throw new GroupRunningError(topic.name, group, members);
    await endLeases(seek);
    await movePositions(seek, targetsOf(topic, ranges, to));
  });

interface Seek<Tx> {
  readonly database: Database<Tx>;
  readonly tx: Tx;
  readonly topic: Topic;
  readonly group: string;
}

/** The positions "up to which everything is settled" that a partition can have. */
interface Range {
  readonly partition: number;
  readonly first: bigint;
  readonly last: bigint;
}

const lockPositions = async <Tx>({ database, tx, topic, group }: Seek<Tx>): Promise<readonly Range[]> => {
  const { schema } = database;
  const rows = await database.query(
    tx,
    `select g.partition::text, p.dropped_to::text as first, coalesce((
       select max(l.position) from ${schema}.log l where l.topic_id = g.topic_id and l.partition = g.partition
     ), p.dropped_to)::text as last
     from ${schema}.log_positions g
     join ${schema}.log_partitions p on p.topic_id = g.topic_id and p.partition = g.partition
     where g.topic_id = $1::text::integer and g."group" = $2::text
     order by g.partition
     for update of g for share of p`,
    [String(topic.id), group],
  );
  if (rows.length === 0) {
    throw new InvalidOptionError('group', `topic '${topic.name}' has no group '${group}'; subscribe or apply it first`);
  }
  return rows.map(rangeOf);
};

const rangeOf = ({ partition, first, last }: Row): Range => ({
  partition: Number(partition),
  first: BigInt(first ?? 0),
  last: BigInt(last ?? 0),
});

const countMembers = async <Tx>({ database, tx, topic, group }: Seek<Tx>): Promise<number> => {
  const { schema } = database;
  const [row] = await database.query(
    tx,
    `select count(*)::text as members from ${schema}.lease_members where scope = $1::text and expires_at > ${schema}.now()`,
    [scopeOf(topic, group)],
  );
  return Number(row?.members ?? 0);
};

/** An owner that has lost its lease without knowing it may still have a position to store. */
const endLeases = async <Tx>({ database, tx, topic, group }: Seek<Tx>): Promise<void> => {
  await database.query(
    tx,
    `update ${database.schema}.leases set epoch = epoch + 1, owner = null, expires_at = '-infinity', releasing = false
     where scope = $1::text`,
    [scopeOf(topic, group)],
  );
};

const movePositions = async <Tx>(
  { database, tx, topic, group }: Seek<Tx>,
  targets: ReadonlyMap<number, bigint>,
): Promise<void> => {
  const { schema } = database;
  for (const [partition, settledTo] of targets) {
    await database.query(
      tx,
      `update ${schema}.log_positions set settled_to = $4::text::bigint
       where topic_id = $1::text::integer and "group" = $2::text and partition = $3::text::integer`,
      [String(topic.id), group, String(partition), String(settledTo)],
    );
  }
};

/** A position names the message that comes next; stored is the one before it. */
const targetsOf = (topic: Topic, ranges: readonly Range[], to: SeekTarget): ReadonlyMap<number, bigint> => {
  if (to === 'earliest') return new Map(ranges.map(({ partition, first }) => [partition, first]));
  if (to === 'latest') return new Map(ranges.map(({ partition, last }) => [partition, last]));
  return new Map(
    Object.entries(to.positions).map(([name, text]): [number, bigint] => {
      const range = ranges.find(({ partition }) => String(partition) === name);
      if (range === undefined) {
        throw new InvalidOptionError(
          'positions',
          `topic '${topic.name}' has no partition ${name}; it has 0 to ${topic.partitions - 1}`,
        );
      }
      const settledTo = /^\d{1,18}$/.test(text) ? BigInt(text) - 1n : -1n;
      if (settledTo < range.first || settledTo > range.last) {
        throw new InvalidOptionError(
          'positions',
          `found '${text}' for partition ${name} of topic '${topic.name}'; expected ${range.first + 1n} to ${range.last + 1n}`,
        );
      }
      return [range.partition, settledTo];
    }),
  );
};
