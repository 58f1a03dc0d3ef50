import type { Connection } from './connection.ts';
import { NotReplicatedError } from './errors.ts';
import type { Asked } from './options.ts';

/** Waits until what the connection has written is where it was asked to be; throws `not_replicated` if it is not in time. */
export const confirm = async (connection: Connection, { replicas, file, timeoutMs }: Asked): Promise<void> => {
  if (replicas === 0 && !file) return;
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
