import { HoldfastError, type StartPosition } from '@holdfast/core';
import type { Execute } from './execute.ts';
import { array, type Cursor } from './log.ts';
import type { Topic } from './topics.ts';

/** Gives a group a position in every partition of a topic; a group that has them keeps them. */
export const createGroup = async (
  { execute, schema }: Execute,
  topic: Topic,
  group: string,
  from: StartPosition,
): Promise<void> => {
  // Locks out a drop of old messages, which would not see the new positions.
  await execute(
    `with places as (
       select topic_id, partition, dropped_to from ${schema}.log_partitions where topic_id = $1::text::integer for share
     )
     insert into ${schema}.log_positions (topic_id, "group", partition, settled_to)
     select topic_id, $2::text, partition, case when $3::text = 'latest' then coalesce((
       select max(l.position) from ${schema}.log l where l.topic_id = places.topic_id and l.partition = places.partition
     ), dropped_to) else dropped_to end
     from places
     on conflict do nothing`,
    [String(topic.id), group, from],
  );
};

/** Which groups of a topic exist, and how many messages each has not settled. */
export const readGroups = async (
  { execute, schema }: Execute,
  topic: Topic,
): Promise<readonly { readonly group: string; readonly lag: number }[]> => {
  const rows = await execute(
    `select g."group", sum(greatest(0, coalesce((
       select max(l.position) from ${schema}.log l where l.topic_id = g.topic_id and l.partition = g.partition
     ), p.dropped_to) - greatest(g.settled_to, p.dropped_to)))::text as lag
     from ${schema}.log_positions g
     join ${schema}.log_partitions p on p.topic_id = g.topic_id and p.partition = g.partition
     where g.topic_id = $1::text::integer
     group by g."group" order by g."group"`,
    [String(topic.id)],
  );
  return rows.map(({ group, lag }) => ({ group: group ?? '', lag: Number(lag) }));
};

/** A partition of a topic. */
export interface Place {
  readonly topicId: number;
  readonly partition: number;
}

/** Where a group goes on, on the server of that incarnation. */
export interface StoredCursor extends Cursor {
  readonly incarnation: string;
}

/** The group has no position in a partition: it was removed, or lost by a server that lacks the end of what was there. */
export class GroupMissingError extends HoldfastError {
  override readonly code = 'group_missing';
  constructor(topic: string, group: string, partition: number) {
    super(
      `group '${group}' has no position in partition ${partition} of topic '${topic}': somebody removed it, or a failover ` +
        'lost it; subscribe again, which makes it anew',
    );
  }
}

/**
 * Where a group goes on in each of several partitions, undefined where it has no position. Waits for a seek under way.
 */
export const readCursors = async (
  { execute, schema }: Execute,
  group: string,
  places: readonly Place[],
): Promise<readonly (StoredCursor | undefined)[]> => {
  const rows = await execute(
    `with stored as (
       select topic_id, partition, settled_to from ${schema}.log_positions
       where "group" = $1::text
         and (topic_id, partition) in (select * from unnest($2::text::integer[], $3::text::integer[]))
       for share
     )
     select topic_id::text, partition::text, settled_to::text, coalesce((
       select l.segment from ${schema}.log l
       where l.topic_id = stored.topic_id and l.partition = stored.partition and l.position <= stored.settled_to
       order by l.position desc limit 1
     ), 0)::text as segment, ${schema}.log_incarnation() as incarnation
     from stored`,
    [group, array(places.map(({ topicId }) => topicId)), array(places.map(({ partition }) => partition))],
  );
  const cursors = new Map(
    rows.map((row): [string, StoredCursor] => [
      `${row.topic_id} ${row.partition}`,
      {
        segment: Number(row.segment),
        position: BigInt(row.settled_to ?? 0),
        incarnation: row.incarnation ?? '',
      },
    ]),
  );
  return places.map(({ topicId, partition }) => cursors.get(`${topicId} ${partition}`));
};

/** A claim on a partition and up to where its owner has settled it. */
export interface Settled extends Place {
  readonly scope: string;
  readonly epoch: string;
  /** Of the server that the position is of. */
  readonly incarnation: string;
  readonly settledTo: string;
}

/**
 * Moves a group forwards in several partitions, never backwards, and only where the claim still stands: a later owner's
 * claim waits for this statement, so that it goes on from what is stored here. On a server of another incarnation a
 * position names another message, so nothing is stored there.
 */
export const storePositions = async (
  { execute, schema }: Execute,
  group: string,
  settled: readonly Settled[],
): Promise<void> => {
  await execute(
    `update ${schema}.log_positions g set settled_to = s.settled_to
     from unnest($2::text::integer[], $3::text::integer[], $4::text::text[], $5::text::bigint[], $6::text::bigint[],
       $7::text::text[]) s (topic_id, partition, scope, epoch, settled_to, incarnation)
     where g.topic_id = s.topic_id and g."group" = $1::text and g.partition = s.partition
       and g.settled_to < s.settled_to and s.incarnation = ${schema}.log_incarnation()
      
       and ${schema}.lease_holds(s.scope, s.partition, s.epoch)`,
    [
      group,
      array(settled.map(({ topicId }) => topicId)),
      array(settled.map(({ partition }) => partition)),
      texts(settled.map(({ scope }) => scope)),
      array(settled.map(({ epoch }) => BigInt(epoch))),
      array(settled.map(({ settledTo }) => BigInt(settledTo))),
      texts(settled.map(({ incarnation }) => incarnation)),
    ],
  );
};

/** Texts as the text of a Postgres array. */
const texts = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replaceAll(/[\\"]/g, '\\$&')}"`).join(',')}}`;
