import type { Lease } from '@holdfast/flow';
import type { Connection } from './connection.ts';
import { claim } from './lua/claim.ts';
import { replyCode } from './reply-error.ts';
import { runScript, textsOf } from './script.ts';
import type { Topic } from './topic.ts';

export interface TakeOptions {
  readonly connection: Connection;
  readonly group: string;
  /** Makes the group where it is gone, and says so. */
  readonly heal: (topic: Topic, partition: number) => Promise<unknown>;
  readonly onLostBodies: (topic: Topic, partition: number, ids: readonly string[]) => void;
}

/** Where the owner of a partition goes on. */
export interface Taken {
  readonly cursor: string;
  readonly pending: number;
}

/**
 * Makes a lease count in Redis: from now on nobody with an older one can read or ack. Takes over what other consumers of
 * the group have pending, whatever its idle time.
 */
export const takePartition = async (
  { connection, group, heal, onLostBodies }: TakeOptions,
  { topic, lease, keys }: { readonly topic: Topic; readonly lease: Lease; readonly keys: readonly string[] },
): Promise<Taken> => {
  let healed = false;
  for (let from = '-'; ; ) {
    const reply = await runScript(connection, claim, { keys, args: [group, lease.epoch, from] }).catch(
      async (error: unknown) => {
        if (replyCode(error) !== 'NOGROUP' || healed) throw error;
        healed = true;
        await heal(topic, lease.slot);
        return undefined;
      },
    );
    if (reply === undefined) continue;
    const [cursor = '0-0', pending, next = '', ...lost] = textsOf(reply);
    if (lost.length > 0) onLostBodies(topic, lease.slot, lost);
    if (next === '') return { cursor, pending: Number(pending) };
    from = next;
  }
};
