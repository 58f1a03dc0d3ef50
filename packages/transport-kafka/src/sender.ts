import { EarlierFailedError, type PublishOutcome, reach } from '@holdfast/core';
import { createFailedPartitions } from '@holdfast/flow';
import { type BatchResult, createDelivery } from './batch-delivery.ts';
import type { KafkaLink } from './driver.ts';
import type { Settings } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import { createPartitionQueue, type PartitionQueue } from './partition-queue.ts';
import type { Topics } from './topics.ts';

export interface SenderOptions {
  readonly link: KafkaLink;
  readonly topics: Topics;
  readonly settings: Settings;
  /** The number of the last call that was accepted. */
  readonly accepted: () => number;
}

/**
 * Sends what is pushed, in order per partition: one batch of each partition is on its way at a time, and what comes meanwhile
 * is its next one. What a broker leads goes to it together. A message that was not stored fails all that
 * were accepted behind it in its partition.
 */
export interface Sender {
  push(topic: string, partition: number, outgoing: Outgoing): void;
  /** Sends nothing more. */
  stop(): void;
}

/** Requests on their way to a broker: the second is put together while the first is stored. */
const requestsAtOnce = 2;
const requestBytes = 4_194_304;
/** What a batch may hold above the largest body: key, headers and its frame. */
const roomBesideBody = 48_000;

const ok: PublishOutcome = { outcome: 'ok' };

export const createSender = ({ link, topics, settings, accepted }: SenderOptions): Sender => {
  const failures = createFailedPartitions();
  const delivery = createDelivery({ link, topics, settings });
  const queues = new Map<string, PartitionQueue>();
  const ready = new Set<PartitionQueue>();
  const underWay = new Map<number, number>();
  const batchBytes = settings.maxBodyBytes + roomBesideBody;
  let scheduled = false;
  let stopped = false;

  const push = (topic: string, partition: number, outgoing: Outgoing): void => {
    const name = `${topic}/${partition}`;
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = createPartitionQueue(name, topic, partition);
      queues.set(name, queue);
    }
    queue.items.push(outgoing);
    if (!queue.flying) makeReady(queue);
  };

  const makeReady = (queue: PartitionQueue): void => {
    ready.add(queue);
    if (scheduled) return;
    scheduled = true;
    // At the end of the turn, so that all whom the last answer has woken fly together.
    setImmediate(() => {
      scheduled = false;
      sendReady();
    });
  };

  const sendReady = (): void => {
    if (stopped) return;
    const byLeader = new Map<number, PartitionQueue[]>();
    for (const queue of ready) {
      const leader = topics.known(queue.topic)?.leaders[queue.partition] ?? -1;
      const others = byLeader.get(leader);
      if (others === undefined) byLeader.set(leader, [queue]);
      else others.push(queue);
    }
    for (const [leader, queuesOfLeader] of byLeader) sendTo(leader, queuesOfLeader);
  };

  const sendTo = (leader: number, queuesOfLeader: readonly PartitionQueue[]): void => {
    let from = 0;
    while (from < queuesOfLeader.length && (underWay.get(leader) ?? 0) < requestsAtOnce) {
      const together: PartitionQueue[] = [];
      for (let bytes = 0; from < queuesOfLeader.length && bytes < requestBytes; from++) {
        const queue = queuesOfLeader[from];
        if (queue === undefined) continue;
        ready.delete(queue);
        const batch = queue.takeBatch(batchBytes, mayGo);
        if (batch === undefined) continue;
        bytes += batch.bytes;
        together.push(queue);
      }
      if (together.length > 0) void fly(leader, together);
    }
  };

  const mayGo = (queue: PartitionQueue, { call, index }: Outgoing): boolean => {
    const earlier = failures.why([queue.name], call.sequence);
    if (earlier !== undefined) {
      call.settle(index, { outcome: 'failed', error: new EarlierFailedError(queue.topic, earlier.error) });
    } else if (call.signal?.aborted) {
      fail(queue, call.signal.reason);
      call.settle(index, { outcome: 'failed', error: call.signal.reason });
    } else {
      call.started = true;
      return true;
    }
    return false;
  };

  const fail = (queue: PartitionQueue, error: unknown): void => failures.fail([queue.name], error, accepted());

  const fly = async (leader: number, together: readonly PartitionQueue[]): Promise<void> => {
    underWay.set(leader, (underWay.get(leader) ?? 0) + 1);
    await delivery.deliver(leader, together, finish);
    underWay.set(leader, (underWay.get(leader) ?? 1) - 1);
    if (ready.size > 0) sendReady();
  };

  const finish = async (queue: PartitionQueue, results: readonly BatchResult[]): Promise<void> => {
    await reach('publish.afterSend.beforeConfirm');
    for (const { items, outcome } of results) {
      if (outcome.outcome !== 'ok') fail(queue, outcome.error);
      for (const { call, index } of items) call.settle(index, outcome.outcome === 'ok' ? ok : outcome);
    }
    queue.flying = false;
    if (queue.items.length > 0) makeReady(queue);
  };

  return {
    push,
    stop: () => {
      stopped = true;
      delivery.stop();
    },
  };
};
