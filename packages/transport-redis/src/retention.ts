import type { Runtime } from '@holdfast/core';
import type { Connection } from './connection.ts';
import { trim } from './lua/trim.ts';
import type { Settings } from './options.ts';
import type { OwnedPartition } from './owned-partition.ts';
import { runScript } from './script.ts';

/** Trims the streams of the owned partitions from time to time, and reports groups that stand still. */
export interface Retention {
  /** Idempotent. */
  start(): void;
  close(): Promise<void>;
}

export interface RetentionOptions {
  readonly connection: Connection;
  readonly settings: Pick<Settings, 'retentionMs' | 'groupExpiryMs' | 'capacity'>;
  readonly runtime: Runtime;
  readonly owned: () => readonly OwnedPartition[];
}

const pace = { shortestMs: 1_000, longestMs: 60_000 };

/** Never below the slowest group of a stream, and no stream that somebody else declared. */
export const keepRetention = ({ connection, settings, runtime, owned }: RetentionOptions): Retention => {
  const { retentionMs, groupExpiryMs } = settings;
  const { clock, log, meter, random } = runtime;
  const everyMs = Math.min(pace.longestMs, Math.max(pace.shortestMs, Math.min(retentionMs / 8, groupExpiryMs / 2)));
  const reported = new Set<string>();
  let stopped = false;
  let cancel = (): void => {};
  let running: Promise<void> | undefined;

  const trimOne = async ({ topic, assignment, keys }: OwnedPartition): Promise<void> => {
    const { partition } = assignment;
    const reply = await runScript(connection, trim, { keys: [keys[0]], args: [retentionMs] });
    const [dropped, length, ...groups] = Array.isArray(reply) ? reply : [];
    if (Number(dropped) > 0) log.debug({ topic: topic.name, partition, dropped }, 'trimmed a stream');
    meter.gauge('holdfast.redis.stream_length', Number(length), { topic: topic.name, partition });
    for (let at = 0; at < groups.length; at += 3) {
      report(assignment, {
        group: String(groups[at]),
        waitsMs: Number(groups[at + 1]),
        pending: Number(groups[at + 2]),
      });
    }
  };

  const report = (
    { topic, partition }: OwnedPartition['assignment'],
    { group, waitsMs, pending }: { readonly group: string; readonly waitsMs: number; readonly pending: number },
  ): void => {
    const place = `${topic}\n${partition}\n${group}`;
    meter.gauge('holdfast.redis.group_waits_ms', waitsMs, { topic, partition, group });
    if (waitsMs < groupExpiryMs) {
      reported.delete(place);
      return;
    }
    if (reported.has(place)) return;
    reported.add(place);
    log.error(
      { topic, partition, group, waitsMs, pending, groupExpiryMs },
      'a group has not settled its oldest message for longer than `groupExpiryMs`: the stream is kept for it and grows; ' +
        'run it, or remove it with XGROUP DESTROY',
    );
  };

  const run = async (): Promise<void> => {
    for (const partition of owned()) {
      if (stopped || partition.topic.adopted !== undefined) continue;
      await trimOne(partition).catch((error: unknown) => {
        if (!stopped) log.warn({ error, ...partition.assignment }, 'a stream could not be trimmed; trying again later');
      });
    }
  };
  const schedule = (): void => {
    cancel = clock.after(everyMs * (0.5 + random()), () => {
      running = run().finally(() => {
        if (!stopped) schedule();
      });
    });
  };
  let started = false;
  return {
    start: () => {
      if (!started) schedule();
      started = true;
    },
    close: async () => {
      stopped = true;
      cancel();
      await running;
    },
  };
};
