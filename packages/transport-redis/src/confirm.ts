import { createBatcher } from '@holdfast/flow';
import type { OwnClient } from './client.ts';
import type { Connection } from './connection.ts';
import { NotReplicatedError, RedisConnectionLostError } from './errors.ts';
import type { Asked } from './options.ts';

/** Makes sure that what was written is where it was asked to be. */
export interface Confirmer {
  /** Which connection is about to be written to; undefined where nothing is asked for. */
  writesOver(): Promise<OwnClient | undefined>;
  /** Resolves when it is so; throws `not_replicated` if not in time, `redis_connection_lost` if that cannot be known any more. */
  confirm(over: OwnClient | undefined): Promise<void>;
}

/**
 * Redis tells of a connection's own writes only: another one, asked instead, would confirm what it never wrote. One question
 * at a time, for all that was written before it, because it holds up what comes behind it on the connection.
 */
export const createConfirmer = (connection: Connection, asked: Asked): Confirmer => {
  const isAsked = asked.replicas > 0 || asked.file;
  const questions = createBatcher({
    maxSize: 10_000,
    run: async (writers: readonly OwnClient[]) => {
      const current = await connection.ready();
      await ask(connection, asked);
      const sameAfterwards = (await connection.ready()) === current;
      return writers.map((writer) => sameAfterwards && writer === current);
    },
  });
  const confirm = async (over: OwnClient): Promise<void> => {
    if (await questions.submit(over)) return;
    throw new RedisConnectionLostError(new Error('it was made again before what it had written was confirmed'));
  };
  return {
    writesOver: async () => (isAsked ? await connection.ready() : undefined),
    confirm: async (over) => {
      if (over !== undefined) await confirm(over);
    },
  };
};

const ask = async (connection: Connection, { replicas, file, timeoutMs }: Asked): Promise<void> => {
  // The server answers by `timeoutMs`; the rest is for the network.
  const limitMs = timeoutMs + 5_000;
  if (file) {
    const reply = await connection.call('waitaof', [1, replicas, timeoutMs], limitMs);
    const [own = 0, others = 0] = Array.isArray(reply) ? reply.map(Number) : [];
    if (own >= 1 && others >= replicas) return;
    throw new NotReplicatedError(`its own file and those of ${replicas} replicas`, `${own} and ${others}`);
  }
  const found = Number(await connection.call('wait', [replicas, timeoutMs], limitMs));
  if (found < replicas) throw new NotReplicatedError(`${replicas} replicas`, String(found));
};
