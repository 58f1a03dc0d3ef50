import { type Runtime, sleep } from '@holdfast/core';
import type { Topic, Topics } from './topics.ts';

export interface WatchOptions {
  readonly topics: Pick<Topics, 'renew'>;
  readonly targets: readonly Topic[];
  readonly everyMs: number;
  /** A topic has another number of partitions than when it was last looked at. */
  readonly onChange: (topic: Topic) => void;
  readonly runtime: Pick<Runtime, 'clock'>;
}

/** Looks again and again how many partitions the topics have, until the signal aborts. */
export const watchPartitions = async (options: WatchOptions, signal: AbortSignal): Promise<void> => {
  const { topics, targets, everyMs, onChange, runtime } = options;
  const counts = new Map(targets.map(({ name, partitions }) => [name, partitions]));
  while (!signal.aborted) {
    await sleep(runtime.clock, everyMs, signal).catch(() => {});
    for (const [name, count] of counts) {
      if (signal.aborted) return;
      const topic = await topics.renew(name).catch(() => undefined);
      if (topic === undefined || topic.partitions === count) continue;
      counts.set(name, topic.partitions);
      onChange(topic);
    }
  }
};
