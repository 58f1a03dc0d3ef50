import { type Runtime, sleep } from '@holdfast/core';
import type { Topic, Topics } from './topics.ts';

export interface MissingTopicsOptions {
  readonly topics: Pick<Topics, 'refresh' | 'known'>;
  readonly group: string;
  /** A topic is there that a broker did not know. Awaited: until then it counts as missing. Tried again where it rejects. */
  readonly onBack: (topic: Topic) => Promise<void>;
  readonly runtime: Runtime;
  /** Ends the looking. */
  readonly signal: AbortSignal;
}

/** Which topics of a subscription the brokers do not know at the moment. */
export interface MissingTopics {
  /**
   * Learns who leads the partitions of a topic now, and whether it is still there. A broker that did not know it may have been told
   * of another one since, of the same name. Never rejects.
   */
  check(name: string, answer?: 'unknown'): Promise<void>;
  /** Nothing of it may be read or stored: it may be made anew any moment, and have other messages. */
  has(name: string): boolean;
  /** Those that have been missing for so long that they are gone. */
  readonly gone: readonly string[];
}

interface Missing {
  readonly sinceMs: number;
  gone: boolean;
}

/** A topic that was made a moment ago, or whose broker has just started, is unknown to some. */
const goneAfterMs = 3_000;
const lookEveryMs = 500;

export const createMissingTopics = (options: MissingTopicsOptions): MissingTopics => {
  const { topics, group, onBack, signal } = options;
  const { clock, log } = options.runtime;
  const missing = new Map<string, Missing>();

  /** Looks for it until it is back. */
  const look = async (name: string, since: Missing): Promise<void> => {
    while (!signal.aborted) {
      const found = await topics.refresh(name).catch(() => undefined);
      if (found !== undefined && (await takeBack(found))) return;
      if (!since.gone && clock.monotonic() - since.sinceMs > goneAfterMs) {
        since.gone = true;
        log.error(
          { group, topic: name },
          'a topic that is subscribed to does not exist any more; it is looked for until it is back',
        );
      }
      await sleep(clock, lookEveryMs, signal).catch(() => {});
    }
  };

  const takeBack = async (topic: Topic): Promise<boolean> => {
    try {
      await onBack(topic);
      missing.delete(topic.name);
      return true;
    } catch (error) {
      log.warn({ error, group, topic: topic.name }, 'a topic that is there again cannot be gone on with yet');
      return false;
    }
  };

  return {
    check: async (name, answer) => {
      if (missing.has(name)) return;
      const found = await topics.refresh(name).catch(() => topics.known(name));
      if ((found !== undefined && answer === undefined) || missing.has(name)) return;
      const since = { sinceMs: clock.monotonic(), gone: false };
      missing.set(name, since);
      void look(name, since);
    },
    has: (name) => missing.has(name),
    get gone() {
      return [...missing].flatMap(([name, { gone }]) => (gone ? [name] : []));
    },
  };
};
