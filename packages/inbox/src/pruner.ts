import { type Runtime, sleep } from '@holdfast/core';
import type { Inbox } from './inbox.ts';

export interface PrunerOptions {
  readonly inbox: Pick<Inbox<unknown>, 'prune' | 'size'>;
  /** Only its records are deleted: others may have to be kept longer. */
  readonly group: string;
  readonly retentionMs: number;
  readonly redeliveryHorizonMs: number;
  readonly runtime: Runtime;
}

/** Keeps the records of a group from growing for ever, a few at a time; any number of processes may. */
export interface Pruner {
  /** Idempotent. Resolves when nothing is under way. */
  close(): Promise<void>;
}

const everyMs = 600_000;
const batchSize = 1_000;

/** Starts at once, and prunes for the first time some minutes later. A failure is logged and tried again at the next turn. */
export const startPruner = ({ inbox, group, runtime, ...keeping }: PrunerOptions): Pruner => {
  const { clock, log, meter, random } = runtime;
  const closing = new AbortController();
  const { signal } = closing;

  const prune = async (): Promise<void> => {
    try {
      const pruned = await inbox.prune({ ...keeping, group, batchSize, signal });
      meter.count('holdfast.inbox.pruned', pruned, { group });
      meter.gauge('holdfast.inbox.records', await inbox.size());
    } catch (error) {
      if (!signal.aborted)
        log.warn({ error, group }, 'old records of the inbox could not be deleted; trying again later');
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      // Apart from one another, where many processes start at once.
      await sleep(clock, everyMs * (0.5 + random()), signal).catch(() => {});
      if (!signal.aborted) await prune();
    }
  };
  const running = run();
  return {
    close: () => {
      closing.abort();
      return running;
    },
  };
};
