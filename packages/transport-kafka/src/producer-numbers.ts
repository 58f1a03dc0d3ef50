import type { ProducerId } from './driver.ts';
import type { PartitionQueue } from './partition-queue.ts';

/** As whom partitions are sent to, and under which numbers their records go: what the broker knows a copy by. */
export interface ProducerNumbers {
  /** Gives a queue that has none a producer. All share one as long as nothing has gone wrong. */
  number(queue: PartitionQueue): Promise<void>;
  /** What was sent last has its numbers for good. */
  advance(queue: PartitionQueue): void;
  /** The numbers may be taken by what was sent last, or are not what the broker expects: the queue goes on as another producer. */
  forget(queue: PartitionQueue): void;
}

/** The protocol numbers records with 31 bits, and begins again at zero. */
const numbers = 2 ** 31;

export const createProducerNumbers = (ask: () => Promise<ProducerId>): ProducerNumbers => {
  let asked: Promise<ProducerId> | undefined;
  let current: ProducerId | undefined;

  const producer = async (): Promise<ProducerId> => {
    asked ??= ask();
    const answer = asked;
    try {
      const id = await answer;
      if (asked === answer) current = id;
      return id;
    } catch (error) {
      if (asked === answer) asked = undefined;
      throw error;
    }
  };

  return {
    number: async (queue) => {
      queue.producer = await producer();
      queue.sequence = 0;
    },
    advance: (queue) => {
      queue.sequence = (queue.sequence + queue.batch.length) % numbers;
    },
    forget: (queue) => {
      // Where another queue has gone on already, this one follows it: it has not sent as that producer.
      if (queue.producer === current) {
        asked = undefined;
        current = undefined;
      }
      queue.producer = undefined;
    },
  };
};
