import { EarlierFailedError, type PublishOutcome, sleep, UnknownTopicError } from '@holdfast/core';
import { within } from '@holdfast/flow';
import type { KafkaLink, ProduceBatch, ProducerId } from './driver.ts';
import {
  AuthenticationError,
  BrokerUnreachableError,
  NoAnswerError,
  OversizedRecordError,
  RefusedError,
} from './errors.ts';
import type { Settings } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { answerOf } from './produce-answer.ts';
import type { Topics } from './topics.ts';

/** What became of consecutive messages of a batch. */
export interface BatchResult {
  readonly items: readonly Outgoing[];
  readonly outcome: PublishOutcome;
}

export interface DeliveryOptions {
  readonly link: KafkaLink;
  readonly topics: Topics;
  readonly settings: Settings;
}

/** Gets batches stored. */
export interface Delivery {
  /** Sends the batches of partitions that a broker leads. `finish` is told of each partition in the end. */
  deliver(leader: number, queues: readonly PartitionQueue[], finish: Finish): Promise<void>;
  stop(): void;
}

type Finish = (queue: PartitionQueue, results: readonly BatchResult[]) => Promise<void>;

const backoff = { firstMs: 50, longestMs: 1_000 };
/** A topic that was made a moment ago is unknown to some brokers. */
const unknownTopicMs = 2_000;

/**
 * A batch that may have been stored is sent again under the same numbers, which the broker stores once; one of which
 * that cannot be said in the end leaves its partition with a new producer.
 */
export const createDelivery = ({ link, topics, settings }: DeliveryOptions): Delivery => {
  const { driver, requestTimeoutMs, publishTimeoutMs } = settings;
  const { clock, log } = settings.runtime;
  const stop = new AbortController();
  let current: Promise<ProducerId> | undefined;

  const producerId = (): Promise<ProducerId> => {
    const asked = current ?? link.records.producerId();
    current = asked;
    asked.catch(() => {
      if (current === asked) current = undefined;
    });
    return asked;
  };

  /** The answer that does not come makes the link anew: what it still carries is not delivered late. */
  const inTime = async <T>(what: string, ask: () => Promise<T>): Promise<T> => {
    let late = true;
    let answer: Promise<T> | undefined;
    await within(clock, requestTimeoutMs, async (limit) => {
      const { promise: over, resolve } = Promise.withResolvers<void>();
      limit.addEventListener('abort', () => resolve(), { once: true });
      answer = ask();
      await Promise.race([answer.then(noMore, noMore), over]);
      late = limit.aborted;
    });
    if (!late && answer !== undefined) return answer;
    answer?.catch(noMore);
    link.reset();
    throw new NoAnswerError(what, requestTimeoutMs);
  };

  const send = async (leader: number, queues: readonly PartitionQueue[]): Promise<void> => {
    for (const queue of queues) {
      if (queue.producer !== undefined) continue;
      queue.producer = await inTime('number a producer', producerId);
      queue.sequence = 0;
    }
    // Nearly always one: only a partition with an unknown outcome gets another.
    for (const producer of new Set(queues.map((queue) => queue.producer))) {
      if (producer === undefined) continue;
      const batches = queues.filter((queue) => queue.producer === producer).map((queue) => batchOf(queue, topics));
      await inTime('store messages', () =>
        link.records.produce({ leader, producer, timeoutMs: requestTimeoutMs, batches }),
      );
    }
  };

  const deliver = async (leader: number, queues: readonly PartitionQueue[], finish: Finish): Promise<void> => {
    const startedMs = clock.monotonic();
    const failure = await send(leader, queues).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failure === undefined) {
      await Promise.all(queues.map((queue) => finish(queue, [stored(queue)])));
    } else {
      // Which of them it was is found by sending each alone; what was stored already is not stored again.
      const first = queues.length > 1 ? undefined : failure;
      await Promise.all(queues.map(async (queue) => finish(queue, await persist(queue, startedMs, failure, first))));
    }
  };

  /** Sends the batch of one partition until it is stored, refused, or the time is over. */
  const persist = async (
    queue: PartitionQueue,
    startedMs: number,
    together: { readonly error: unknown },
    alone: { readonly error: unknown } | undefined,
  ): Promise<readonly BatchResult[]> => {
    let maybeStored = answerOf(driver, together.error) !== 'not-sent';
    let pending = alone;
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(waitMs * 2, backoff.longestMs)) {
      if (pending !== undefined) {
        const { error } = pending;
        const answer = answerOf(driver, error);
        if (answer === 'stored') return [stored(queue)];
        if (answer === 'too-large' && queue.batch.length > 1) return halve(queue, startedMs);
        if (answer === 'too-large') return [refused(queue, oversized(queue, error))];
        if (answer === 'refused') return [refused(queue, whyRefused(queue, error))];
        if (answer === 'bad-sequence') {
          current = undefined;
          queue.producer = undefined;
        }
        if (answer === 'maybe') maybeStored = true;
        const elapsedMs = clock.monotonic() - startedMs;
        if (answer === 'unknown-topic' && elapsedMs > unknownTopicMs) {
          if ((await topics.refresh(queue.topic).catch(() => topics.known(queue.topic))) === undefined) {
            return [refused(queue, new UnknownTopicError(queue.topic, []))];
          }
        }
        if (elapsedMs > publishTimeoutMs || stop.signal.aborted) return [given(queue, maybeStored, error, elapsedMs)];
        log.debug(
          { topic: queue.topic, partition: queue.partition, error },
          'a batch was not stored; sending it again',
        );
        await sleep(clock, waitMs, stop.signal).catch(noMore);
        await topics.refresh(queue.topic).catch(noMore);
      }
      const leader = topics.known(queue.topic)?.leaders[queue.partition] ?? -1;
      pending = await send(leader, [queue]).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (pending === undefined) return [stored(queue)];
    }
  };

  /** A batch that is too large as a whole; its first half goes first, and what fails in it fails the second. */
  const halve = async (queue: PartitionQueue, startedMs: number): Promise<readonly BatchResult[]> => {
    const whole = queue.batch;
    const middle = Math.ceil(whole.length / 2);
    const results: BatchResult[] = [];
    for (const half of [whole.slice(0, middle), whole.slice(middle)]) {
      queue.batch = half;
      const failed = results.find(({ outcome }) => outcome.outcome !== 'ok');
      if (failed !== undefined) results.push({ items: half, outcome: behind(queue, failed) });
      else results.push(...(await persist(queue, startedMs, notSent, undefined)));
    }
    return results;
  };

  const stored = (queue: PartitionQueue): BatchResult => {
    queue.sequence += queue.batch.length;
    return { items: queue.batch, outcome: { outcome: 'ok' } };
  };

  const refused = (queue: PartitionQueue, error: unknown): BatchResult => ({
    items: queue.batch,
    outcome: { outcome: 'failed', error },
  });

  /** Given up. Its numbers may be taken, so the partition goes on under another producer. */
  const given = (queue: PartitionQueue, maybeStored: boolean, error: unknown, elapsedMs: number): BatchResult => {
    current = undefined;
    queue.producer = undefined;
    const why = error instanceof BrokerUnreachableError ? error : new NoAnswerError('store messages', elapsedMs, error);
    return { items: queue.batch, outcome: { outcome: maybeStored ? 'unknown' : 'failed', error: why } };
  };

  const whyRefused = ({ topic, partition }: PartitionQueue, error: unknown): unknown =>
    error instanceof AuthenticationError
      ? error
      : new RefusedError(
          `store messages in partition ${partition} of topic '${topic}'`,
          driver.codeOf(error) ?? '',
          error,
        );

  return { deliver, stop: () => stop.abort() };
};

/** Of halves that were refused only for their size together. */
const notSent = { error: new BrokerUnreachableError('not sent yet') };

const noMore = (): void => {};

const batchOf = ({ topic, partition, sequence, batch }: PartitionQueue, topics: Topics): ProduceBatch => ({
  topic: topics.known(topic)?.wireName ?? topic,
  partition,
  sequence,
  records: batch.map(({ record }) => record),
});

const oversized = ({ topic, batch }: PartitionQueue, cause: unknown): OversizedRecordError =>
  new OversizedRecordError(topic, batch[0]?.bytes ?? 0, cause);

const behind = ({ topic }: PartitionQueue, { outcome }: BatchResult): PublishOutcome => ({
  outcome: 'failed',
  error: new EarlierFailedError(topic, outcome.outcome === 'ok' ? undefined : outcome.error),
});
