import { createBatcher } from '@holdfast/flow';
import type { Database } from '@holdfast/postgres';
import type { SequenceClaim } from './sequence-claim.ts';

export interface StartsOptions<Tx> {
  readonly database: Database<Tx>;
  readonly group: string;
}

/** Which messages have been handed over and not ended, of a partition whose owner before has died: suspects of its next death. */
export interface Starts {
  /** Durable when it resolves. `alone`: nothing else runs in the process, so that its death is this message's doing. */
  started(claim: SequenceClaim, id: string, alone: boolean): Promise<void>;
  ended(claim: SequenceClaim, id: string): Promise<void>;
  /** Nobody is a suspect any more: all that the dead may have started has run, and this process lives. */
  cleared(claim: SequenceClaim): Promise<void>;
}

interface Start extends SequenceClaim {
  readonly id: string;
  readonly alone?: boolean;
}

const maxBatch = 500;

/** Calls made at the same time share a statement. */
export const createStarts = <Tx>({ database, group }: StartsOptions<Tx>): Starts => {
  const { schema } = database;
  const batched = (text: string) =>
    createBatcher<Start, void>({
      maxSize: maxBatch,
      run: async (starts) => {
        const once = [
          ...new Map(starts.map((start) => [`${start.partition} ${start.source} ${start.id}`, start])).values(),
        ];
        await database.execute(text, [group, JSON.stringify(once)]);
        return starts.map(() => undefined);
      },
    });
  const insert = batched(`
    insert into ${schema}.inbox_starts as s ("group", source, partition, id, alone, deaths)
    select $1::text, e.source, e.partition, e.id, e.alone, 0
    from jsonb_to_recordset($2::text::jsonb) as e(source text, partition integer, id text, alone boolean)
    order by e.source collate "C", e.partition, e.id collate "C"
    on conflict ("group", source, partition, id) do update set alone = excluded.alone`);
  const remove = batched(`
    delete from ${schema}.inbox_starts s
    using jsonb_to_recordset($2::text::jsonb) as e(source text, partition integer, id text)
    where s."group" = $1::text and s.source = e.source and s.partition = e.partition and s.id = e.id`);

  return {
    started: (claim, id, alone) => insert.submit({ ...claim, id, alone }),
    ended: (claim, id) => remove.submit({ ...claim, id }),
    cleared: async ({ source, partition, epoch }) => {
      await database.execute(
        `with current as (
           update ${schema}.inbox_owners set deaths = 0
           where "group" = $1::text and source = $2::text and partition = $3::text::integer and epoch = $4::text::bigint
           returning 1
         )
         delete from ${schema}.inbox_starts
         where "group" = $1::text and source = $2::text and partition = $3::text::integer and exists (select from current)`,
        [group, source, String(partition), epoch],
      );
    },
  };
};
