import { isHoldfastError, type Runtime, sleep } from '@holdfast/core';
import type { KafkaDriver, KafkaLink } from './driver.ts';
import { NotReadyError } from './errors.ts';

const backoff = { firstMs: 50, longestMs: 1_000 };

/**
 * A link whose questions about topics and groups are asked again for `limitMs` when a broker has not answered them, or is not
 * the right one or not ready yet. All of them may be asked twice.
 */
export const patientLink = (
  link: KafkaLink,
  driver: KafkaDriver,
  { runtime: { clock }, limitMs }: { readonly runtime: Runtime; readonly limitMs: number },
): KafkaLink => {
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    const startedMs = clock.monotonic();
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(waitMs * 2, backoff.longestMs)) {
      try {
        return await question();
      } catch (error) {
        if (!isPassing(driver, error)) throw error;
        const elapsedMs = clock.monotonic() - startedMs;
        if (elapsedMs + waitMs > limitMs) throw lateError(driver.codeOf(error), elapsedMs, error);
      }
      await sleep(clock, waitMs);
    }
  };
  const { topics, groups } = link;
  return {
    ...link,
    topics: {
      leaders: (names) => ask(() => topics.leaders(names)),
      names: () => ask(topics.names),
      create: (topic) => ask(() => topics.create(topic)),
      ends: (topic) => ask(() => topics.ends(topic)),
      endsOf: (topic, partition) => ask(() => topics.endsOf(topic, partition)),
    },
    groups: {
      membership: groups.membership,
      committed: (group, places) => ask(() => groups.committed(group, places)),
      commit: (as, offsets) => ask(() => groups.commit(as, offsets)),
      names: () => ask(groups.names),
      size: (group) => ask(() => groups.size(group)),
    },
  };
};

/** What is not the protocol's comes from a connection that has ended; one that was never there has been tried for already. */
const isPassing = (driver: KafkaDriver, error: unknown): boolean => {
  const code = driver.codeOf(error);
  return code === undefined ? !isHoldfastError(error) : passing.has(code);
};

/** A topic that is unknown for so long is not there. */
const lateError = (code: string | undefined, elapsedMs: number, error: unknown): unknown =>
  code === undefined || code === 'UNKNOWN_TOPIC_OR_PARTITION' ? error : new NotReadyError(code, elapsedMs, error);

const passing: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'NOT_CONTROLLER',
  'REQUEST_TIMED_OUT',
  'UNKNOWN_TOPIC_OR_PARTITION',
]);
