import { EarlierFailedError, type PublishOutcome, sleep, UnknownTopicError } from '@holdfast/core';
import type { KafkaLink, ProduceBatch } from './driver.ts';
import {
  AuthenticationError,
  BrokerUnreachableError,
  NoAnswerError,
  OversizedRecordError,
  RefusedError,
} from './errors.ts';
import { createInTime } from './in-time.ts';
import type { Settings } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import type { PartitionQueue } from './partition-queue.ts';
import { answerOf } from './produce-answer.ts';
import { createProducerNumbers } from './producer-numbers.ts';
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
  /**
   * Sends the batches of partitions that a broker leads. Resolves when the broker has answered, or will not; what it did not
   * store is sent again afterwards, each partition's on its own. `finish` is told of each partition in the end.
   */
  deliver(leader: number, queues: readonly PartitionQueue[], finish: Finish): Promise<void>;
  stop(): void;
}

type Finish = (queue: PartitionQueue, results: readonly BatchResult[]) => Promise<void>;

interface Failure {
  readonly error: unknown;
  /** Whether the batch left. */
  readonly sent: boolean;
}

/** How far the sending of a batch has come. */
interface Attempt {
  readonly startedMs: number;
  /** Whether the broker may have the batch, whatever it says of it from now on. */
  readonly maybeStored: boolean;
}

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
  const inTime = createInTime(link, clock);
  const numbers = createProducerNumbers(() => link.records.producerId());

  /** The partitions whose batches were not stored, as far as is known, and why. */
  const send = async (
    leader: number,
    queues: readonly PartitionQueue[],
  ): Promise<ReadonlyMap<PartitionQueue, Failure>> => {
    const failures = new Map<PartitionQueue, Failure>();
    const together = async (ofOneProducer: readonly PartitionQueue[]): Promise<void> => {
      const producer = ofOneProducer[0]?.producer;
      if (producer === undefined) return;
      const batches = ofOneProducer.map((queue) => batchOf(queue, topics));
      const errors = await inTime('store messages', requestTimeoutMs, () =>
        link.records.produce({ leader, producer, timeoutMs: requestTimeoutMs, batches }),
      ).catch((error: unknown) => ofOneProducer.map(() => error));
      for (const [index, queue] of ofOneProducer.entries()) {
        if (errors[index] !== undefined) failures.set(queue, { error: errors[index], sent: true });
      }
    };
    try {
      for (const queue of queues) {
        if (queue.producer === undefined)
          await inTime('number a producer', requestTimeoutMs, () => numbers.number(queue));
      }
    } catch (error) {
      return new Map(queues.map((queue) => [queue, { error, sent: false }]));
    }
    // Nearly always one: only a partition with an unknown outcome gets another.
    await Promise.all([...Map.groupBy(queues, (queue) => queue.producer).values()].map(together));
    return failures;
  };

  const deliver = async (leader: number, queues: readonly PartitionQueue[], finish: Finish): Promise<void> => {
    const startedMs = clock.monotonic();
    const failures = await send(leader, queues);
    const sendAgain = async (queue: PartitionQueue, failure: Failure): Promise<void> =>
      finish(queue, await persist(queue, { startedMs, maybeStored: false }, failure));
    for (const [queue, failure] of failures) void sendAgain(queue, failure);
    const done = queues.filter((queue) => !failures.has(queue));
    await Promise.all(done.map((queue) => finish(queue, [stored(queue)])));
  };

  /** Sends the batch of one partition until it is stored, refused, or the time is over. */
  const persist = async (
    queue: PartitionQueue,
    { startedMs, maybeStored: before }: Attempt,
    first: Failure | undefined,
  ): Promise<readonly BatchResult[]> => {
    let maybeStored = before;
    let failure = first;
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(waitMs * 2, backoff.longestMs)) {
      if (failure !== undefined) {
        const { error } = failure;
        const answer = answerOf(driver, error);
        if (answer === 'stored') return [stored(queue)];
        if (answer === 'maybe' && failure.sent) maybeStored = true;
        if (answer === 'bad-sequence') numbers.forget(queue);
        if (answer === 'refused' || answer === 'too-large' || answer === 'invalid') {
          if (maybeStored) numbers.forget(queue);
          if (answer !== 'refused' && queue.batch.length > 1) return halve(queue, { startedMs, maybeStored });
          const why = answer === 'too-large' ? oversized(queue, error) : whyRefused(queue, error);
          return [notStored(queue, maybeStored, why)];
        }
        const elapsedMs = clock.monotonic() - startedMs;
        if (elapsedMs > publishTimeoutMs || stop.signal.aborted) return [given(queue, maybeStored, error, elapsedMs)];
        log.debug(
          { topic: queue.topic, partition: queue.partition, error },
          'a batch was not stored; sending it again',
        );
        await sleep(clock, waitMs, stop.signal).catch(noMore);
        const topic = await topics.refresh(queue.topic).catch(() => topics.known(queue.topic));
        if (topic === undefined && elapsedMs > unknownTopicMs) {
          if (maybeStored) numbers.forget(queue);
          return [notStored(queue, maybeStored, new UnknownTopicError(queue.topic, []))];
        }
      }
      const leader = topics.known(queue.topic)?.leaders[queue.partition] ?? -1;
      failure = (await send(leader, [queue])).get(queue);
      if (failure === undefined) return [stored(queue)];
    }
  };

  /** A batch that is refused as a whole; its first half goes first, and what fails in it fails the second. */
  const halve = async (queue: PartitionQueue, attempt: Attempt): Promise<readonly BatchResult[]> => {
    const whole = queue.batch;
    const middle = Math.ceil(whole.length / 2);
    const results: BatchResult[] = [];
    for (const half of [whole.slice(0, middle), whole.slice(middle)]) {
      queue.batch = half;
      const failed = results.find(({ outcome }) => outcome.outcome !== 'ok');
      if (failed === undefined) results.push(...(await persist(queue, attempt, undefined)));
      else results.push(notStored(queue, attempt.maybeStored, behind(queue, failed)));
    }
    return results;
  };

  const stored = (queue: PartitionQueue): BatchResult => {
    numbers.advance(queue);
    return { items: queue.batch, outcome: { outcome: 'ok' } };
  };

  /** Given up. Its numbers may be taken, so the partition goes on under another producer. */
  const given = (queue: PartitionQueue, maybeStored: boolean, error: unknown, elapsedMs: number): BatchResult => {
    numbers.forget(queue);
    const why = error instanceof BrokerUnreachableError ? error : new NoAnswerError('store messages', elapsedMs, error);
    return notStored(queue, maybeStored, why);
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

const noMore = (): void => {};

const notStored = ({ batch }: PartitionQueue, maybeStored: boolean, error: unknown): BatchResult => ({
  items: batch,
  outcome: { outcome: maybeStored ? 'unknown' : 'failed', error },
});

const batchOf = ({ topic, partition, sequence, batch }: PartitionQueue, topics: Topics): ProduceBatch => ({
  topic: topics.known(topic)?.wireName ?? topic,
  partition,
  sequence,
  records: batch.map(({ record }) => record),
});

const oversized = ({ topic, batch }: PartitionQueue, cause: unknown): OversizedRecordError =>
  new OversizedRecordError(topic, batch[0]?.bytes ?? 0, cause);

const behind = ({ topic }: PartitionQueue, { outcome }: BatchResult): EarlierFailedError =>
  new EarlierFailedError(topic, outcome.outcome === 'ok' ? undefined : outcome.error);
