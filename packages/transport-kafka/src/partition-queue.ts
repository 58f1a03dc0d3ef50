import type { ProducerId } from './driver.ts';
import type { Outgoing } from './outgoing.ts';

/** What is to be sent to one partition, and how the producer stands with it. */
export interface PartitionQueue {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly items: Outgoing[];
  /** Whether a batch is on its way: no other one may be. */
  flying: boolean;
  /** The batch on its way. */
  batch: readonly Outgoing[];
  /** As whom we send; undefined before the first batch, and after one of which nobody knows whether it was stored. */
  producer: ProducerId | undefined;
  /** The number of the next record of that producer. */
  sequence: number;
  /** Takes as many as fit and may go, and at least one; undefined if none may. */
  takeBatch(
    maxBytes: number,
    mayGo: (queue: PartitionQueue, item: Outgoing) => boolean,
  ): { readonly bytes: number } | undefined;
}

export const createPartitionQueue = (name: string, topic: string, partition: number): PartitionQueue => {
  const queue: PartitionQueue = {
    ...{ name, topic, partition, items: [], flying: false, batch: [], producer: undefined, sequence: 0 },
    takeBatch: (maxBytes, mayGo) => {
      let bytes = 0;
      let taken = 0;
      const batch: Outgoing[] = [];
      for (; taken < queue.items.length; taken++) {
        const item = queue.items[taken];
        if (item === undefined || (batch.length > 0 && bytes + item.bytes > maxBytes)) break;
        if (!mayGo(queue, item)) continue;
        batch.push(item);
        bytes += item.bytes;
      }
      queue.items.splice(0, taken);
      queue.batch = batch;
      queue.flying = batch.length > 0;
      return batch.length === 0 ? undefined : { bytes };
    },
  };
  return queue;
};
