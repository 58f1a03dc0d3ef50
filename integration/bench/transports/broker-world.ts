import type { Transport } from '@holdfast/core';

/** A broker of its own, with a topic that one group reads. */
export interface BrokerWorld {
  readonly topic: string;
  /** What a process of its own connects to: `host:port` of Kafka, else a URL. */
  readonly address: string;
  /** A transport of ours, which is closed with the world. */
  open(): Transport;
  /** Leaves nothing for the group to read, so that each side begins with the same. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** The topic of the worlds, which `OrderPlaced` and the backlog go to. */
export const topic = 'orders';

/** The group that reads it. */
export const group = 'workers';
