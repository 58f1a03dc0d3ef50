import { HoldfastError, InvalidOptionError } from '@holdfast/core';
import type { InboxRecords } from './inbox-records.ts';

export interface PruneOptions {
  /** How long a record is kept, in milliseconds. */
  readonly retentionMs: number;
  /**
   * How late a copy of a message may still come, in milliseconds: the longest that the broker keeps messages, that a
   * retry or a dead letter waits before it is run again, and that a relay may be down. A copy that comes later than the
   * record is kept takes effect twice, so a shorter retention is refused.
   */
  readonly redeliveryHorizonMs: number;
  /** Only records of this group. Default: of all groups. */
  readonly group?: string | undefined;
  /** How many records one statement deletes. Default 5,000. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A retention that would forget messages of which copies may still come. */
export class RetentionTooShortError extends HoldfastError {
  override readonly code = 'retention_too_short';
  readonly retentionMs: number;
  readonly redeliveryHorizonMs: number;
  constructor(retentionMs: number, redeliveryHorizonMs: number) {
    super(
      `records would be kept for ${retentionMs} ms, but a copy may come ${redeliveryHorizonMs} ms later and would take ` +
        'effect again; keep them at least as long as the redelivery horizon',
    );
    this.retentionMs = retentionMs;
    this.redeliveryHorizonMs = redeliveryHorizonMs;
  }
}

/** Deletes what is older than the retention, batch by batch, and gives back how many. */
export const pruneRecords = async (records: InboxRecords, options: PruneOptions): Promise<number> => {
  const { retentionMs, group, batchSize = 5_000, signal } = options;
  checkRetention(options);
  if (!(Number.isSafeInteger(batchSize) && batchSize >= 1)) {
    throw new InvalidOptionError('batchSize', `found ${batchSize}; expected a whole number from 1`);
  }
  let total = 0;
  for (;;) {
    signal?.throwIfAborted();
    const deleted = await records.deleteOlder({ ageMs: retentionMs, limit: batchSize, group });
    total += deleted;
    if (deleted < batchSize) return total;
  }
};

/** Throws {@link RetentionTooShortError}, and `invalid_option` for what is no duration. */
export const checkRetention = ({ retentionMs, redeliveryHorizonMs }: PruneOptions): void => {
  checkDuration('retentionMs', retentionMs);
  checkDuration('redeliveryHorizonMs', redeliveryHorizonMs);
  if (retentionMs < redeliveryHorizonMs) throw new RetentionTooShortError(retentionMs, redeliveryHorizonMs);
};

const checkDuration = (option: string, ms: number): void => {
  if (!(Number.isFinite(ms) && ms > 0)) {
    throw new InvalidOptionError(option, `found ${ms}; expected a number of milliseconds above 0`);
  }
};
