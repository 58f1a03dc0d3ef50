import type { Message } from '@holdfast/core';
import type { PoolClient } from 'pg';

/** A sequence is not rolled back: beside the effects it counts those that were. */
const insertEffects = `
  insert into harness_entries (p, f, type, id, key)
  select $1, 'effect', 'ok', e.id, e.key
  from jsonb_to_recordset($2::text::jsonb) as e(id text, key text)
  where nextval('effects_tried') > 0`;

/** Records what a process did with messages, in the transaction that it did it in. */
export const recordEffects = async (
  tx: PoolClient,
  process: string,
  entries: readonly { readonly message: Message }[],
): Promise<void> => {
  await tx.query(insertEffects, [process, JSON.stringify(entries.map(({ message: { id, key } }) => ({ id, key })))]);
};
