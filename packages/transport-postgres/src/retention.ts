import type { Execute } from './execute.ts';
import type { Settings } from './options.ts';

/** Starts segments and drops those that are over, from time to time, while it is started. */
export interface Retention {
  /** Idempotent. */
  start(): void;
  close(): Promise<void>;
}

/** A group that is slow for long makes segments longer, not more. */
const mostSegments = 32;
const segmentsPerRetention = 8;
const pace = { shortestMs: 1_000, longestMs: 60_000 };

export const keepRetention = <Tx>(
  execute: Execute,
  { retentionMs, holdForSlowGroupsMs, runtime }: Settings<Tx>,
): Retention => {
  const { clock, log, meter } = runtime;
  const segmentMs = Math.max(1, Math.floor(retentionMs / segmentsPerRetention));
  const everyMs = Math.min(pace.longestMs, Math.max(pace.shortestMs, segmentMs / 2));
  let stopped = false;
  let cancel = (): void => {};
  let running: Promise<void> | undefined;
  let held = false;
  const own: Kept = { keepMs: retentionMs, holdMs: holdForSlowGroupsMs };
  let kept = own;
  let differs = false;

  const report = ({ outcome, segment, messages, group, topic }: Dropped): void => {
    meter.gauge('holdfast.log.held_messages', outcome === 'held' ? messages : 0);
    if (outcome === 'held' && !held) {
      log.warn(
        { segment, messages, group, topic },
        'old messages are kept for a group that has not settled them; if it is gone, remove it with log_remove_group(topic, group)',
      );
    }
    held = outcome === 'held';
    if (outcome !== 'dropped') return;
    log.info({ segment }, 'dropped a segment of the log');
    if (messages === 0) return;
    meter.count('holdfast.log.dropped_unsettled', messages);
    log.error(
      { segment, messages, group, topic, holdForSlowGroupsMs },
      'dropped messages that a group had not settled, as configured',
    );
  };

  const keep = async (): Promise<void> => {
    kept = await keepFor(execute, own);
    const longer = kept.keepMs !== own.keepMs || kept.holdMs !== own.holdMs;
    if (longer && !differs) {
      log.warn({ own, kept }, 'other processes keep the log longer than this one says; it is kept as long as they say');
    }
    differs = longer;
  };
  const run = async (): Promise<void> => {
    try {
      await keep();
      await rollSegment(execute, segmentMs);
      for (let dropped = await drop(); dropped.outcome === 'dropped' && !stopped; dropped = await drop())
        report(dropped);
    } catch (error) {
      log.warn({ error }, 'retention failed; trying again later');
    }
  };
  const drop = async (): Promise<Dropped> => {
    const dropped = await dropSegment(execute, kept);
    if (dropped.outcome !== 'dropped') report(dropped);
    return dropped;
  };
  const schedule = (): void => {
    if (stopped) return;
    cancel = clock.after(everyMs * (0.5 + runtime.random()), () => {
      running = run().finally(schedule);
    });
  };
  let started = false;
  return {
    start: () => {
      if (started) return;
      started = true;
      // Before anybody else can drop what this process wants to be kept.
      running = keep()
        .catch((error: unknown) => log.warn({ error }, 'retention failed; trying again later'))
        .finally(schedule);
    },
    close: async () => {
      stopped = true;
      cancel();
      await running;
    },
  };
};

interface Kept {
  readonly keepMs: number;
  /** Undefined: for ever. */
  readonly holdMs: number | undefined;
}

interface Dropped {
  readonly outcome: string;
  readonly segment: string | null;
  readonly messages: number;
  /** Who has not settled most of them. */
  readonly group: string | null;
  readonly topic: string | null;
}

/** Notes how long this process wants the log to be kept; gives back for how long it is. */
const keepFor = async ({ execute, schema }: Execute, { keepMs, holdMs }: Kept): Promise<Kept> => {
  const [row] = await execute(`select * from ${schema}.log_keep($1::text::bigint, nullif($2::text, '')::bigint)`, [
    String(keepMs),
    String(holdMs ?? ''),
  ]);
  return { keepMs: Number(row?.kept_ms), holdMs: row?.held_ms == null ? undefined : Number(row.held_ms) };
};

const rollSegment = async ({ execute, schema }: Execute, segmentMs: number): Promise<void> => {
  await execute(`select ${schema}.log_roll($1::text::bigint, $2::text::integer)::text as segment`, [
    String(segmentMs),
    String(mostSegments),
  ]);
};

const dropSegment = async ({ execute, schema }: Execute, { keepMs, holdMs }: Kept): Promise<Dropped> => {
  const [row] = await execute(
    `select outcome, segment::text, messages::text, holder, held_topic
     from ${schema}.log_drop($1::text::bigint, nullif($2::text, '')::bigint)`,
    [String(keepMs), String(holdMs ?? '')],
  );
  return {
    outcome: row?.outcome ?? 'nothing',
    segment: row?.segment ?? null,
    messages: Number(row?.messages ?? 0),
    group: row?.holder ?? null,
    topic: row?.held_topic ?? null,
  };
};
