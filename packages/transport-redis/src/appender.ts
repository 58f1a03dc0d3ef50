import {
  HoldfastError,
  isHoldfastError,
  type PublishOutcome,
  type Runtime,
  reach,
  sleep,
  UnknownTopicError,
} from '@holdfast/core';
import { createConfirmer } from './confirm.ts';
import type { Connection } from './connection.ts';
import { RedisConnectionLostError, StreamFullError } from './errors.ts';
import type { Keys } from './keys.ts';
import { append } from './lua/append.ts';
import { hasRoom } from './lua/room.ts';
import { packArrayHead } from './msgpack.ts';
import type { Settings } from './options.ts';
import { outcomeOf, replyCode } from './reply-error.ts';
import { runScript } from './script.ts';
import type { Topic } from './topic.ts';

export interface AppenderOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly settings: Pick<Settings, 'capacity' | 'fullWaitMs' | 'confirmations'>;
  readonly runtime: Runtime;
}

/** How many of the entries are stored for sure, and what is true of the others. */
export interface Appended {
  readonly stored: number;
  readonly outcome: Exclude<PublishOutcome, { readonly outcome: 'ok' }> | undefined;
}

/** Appends entries to a partition in one script: all, or those before the first that is refused. Does not reject. */
export type Append = (topic: Topic, partition: number, entries: readonly Buffer[]) => Promise<Appended>;

/** Redis answered with an error to one message: neither it nor one behind it is stored. */
export class RefusedByRedisError extends HoldfastError {
  override readonly code = 'refused_by_redis';
  constructor(stream: string, reply: string) {
    super(`Redis refused to append to stream '${stream}': ${reply}`, { retryable: !/^(WRONGTYPE|NOPERM)/.test(reply) });
  }
}

/** How often a full stream is asked for room. */
const fullPollMs = 50;

export const createAppender = ({ connection, keys, settings, runtime }: AppenderOptions): Append => {
  const { capacity, fullWaitMs, confirmations } = settings;
  const { clock, meter } = runtime;
  const confirmer = createConfirmer(connection, confirmations);

  const appendOnce = async (topic: Topic, partition: number, args: (string | Buffer | number)[]): Promise<Reply> => {
    const reply = await runScript(connection, append, { keys: [keys.stream(topic, partition)], args });
    const [stored, why, slowest] = Array.isArray(reply) ? reply : [];
    return { stored: Number(stored), why: why === undefined ? undefined : String(why), slowest: String(slowest ?? '') };
  };

  const whyNot = (topic: Topic, partition: number, { why, slowest }: Reply): Error => {
    if (why === 'FULL') return new StreamFullError(topic.name, partition, { capacity, group: slowest });
    const stream = keys.stream(topic, partition);
    if (why === 'MISSING') return new UnknownTopicError(`${topic.name} (adopted stream '${stream}')`, []);
    return new RefusedByRedisError(stream, why ?? '');
  };

  /** Asks for room before all is sent again. */
  const untilRoom = async (stream: string, count: number, until: number): Promise<void> => {
    do await sleep(clock, fullPollMs);
    while (
      clock.monotonic() < until &&
      Number(await runScript(connection, hasRoom, { keys: [stream], args: [count, capacity] })) === 0
    );
  };

  /** What was written and cannot be asked about may be there. */
  const confirmed = async (over: Awaited<ReturnType<typeof confirmer.writesOver>>): Promise<void> => {
    try {
      await confirmer.confirm(over);
    } catch (error) {
      throw isHoldfastError(error, 'redis_offline') ? new RedisConnectionLostError(error) : error;
    }
  };

  return async (topic, partition, entries) => {
    const until = clock.monotonic() + fullWaitMs;
    const adopted = topic.adopted !== undefined;
    const packed = Buffer.concat([packArrayHead(entries.length), ...entries]);
    try {
      for (;;) {
        const over = await confirmer.writesOver();
        const reply = await appendOnce(topic, partition, [packed, adopted ? 0 : capacity, adopted ? 1 : 0]);
        await reach('publish.afterSend.beforeConfirm');
        if (reply.why === undefined || reply.stored > 0) await confirmed(over);
        if (reply.why === undefined) return { stored: entries.length, outcome: undefined };
        if (reply.why !== 'FULL' || clock.monotonic() >= until) {
          if (reply.why === 'FULL') meter.count('holdfast.redis.full', 1, { topic: topic.name, partition });
          return { stored: reply.stored, outcome: { outcome: 'failed', error: whyNot(topic, partition, reply) } };
        }
        await untilRoom(keys.stream(topic, partition), entries.length, until);
      }
    } catch (error) {
      const answered = replyCode(error) !== undefined && error instanceof Error;
      const why = answered ? new RefusedByRedisError(keys.stream(topic, partition), error.message) : error;
      return { stored: 0, outcome: outcomeOf(why) };
    }
  };
};

interface Reply {
  readonly stored: number;
  readonly why: string | undefined;
  readonly slowest: string;
}
