import {
  createRuntime,
  InvalidOptionError,
  type Runtime,
  refuseUnknown,
  requireWhole,
  type TopicRequest,
} from '@holdfast/core';
import type { Overflow } from '@holdfast/flow';
import { createMemoryBroker, type MemoryBroker, type Overflowing } from './broker.ts';

export interface MemoryTransportOptions {
  /** Shared by several transports of one process. Default: one of its own. */
  readonly broker?: MemoryBroker | undefined;
  /** Topics that exist from the start. A topic that the broker has with another number of partitions is an error at first use. */
  readonly topics?: Readonly<Record<string, TopicRequest>> | undefined;
  /** Partitions of a topic that does not say. Default 4. */
  readonly partitions?: number | undefined;
  /** How many messages of a partition the slowest group may have unsettled before `overflow` applies. Default 10,000. */
  readonly capacity?: number | undefined;
  /**
   * What becomes of a message that finds its partition full. Default `block`: `publish` waits for the slowest group.
   * What is dropped is counted as `holdfast.memory.dropped` and logged.
   */
  readonly overflow?: Overflow<Overflowing> | undefined;
  /** How many messages of a partition are kept, after every group settled them, for groups that start at the earliest. Default 10,000. */
  readonly retain?: number | undefined;
  /** Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** How long a partition that moves to another subscription waits for its handlers. Default 10,000. */
  readonly drainMs?: number | undefined;
  /** Nothing survives the process, so `NODE_ENV=production` is refused unless this is true. */
  readonly allowInProduction?: boolean | undefined;
  readonly runtime?: Partial<Runtime> | undefined;
}

export interface Settings {
  readonly broker: MemoryBroker;
  readonly topics: Readonly<Record<string, TopicRequest>>;
  readonly partitions: number;
  readonly capacity: number;
  readonly overflow: Overflow<Overflowing>;
  readonly retain: number;
  readonly maxBodyBytes: number;
  readonly drainMs: number;
  readonly runtime: Runtime;
}

/** The options with their defaults; throws `invalid_option` for what cannot work. */
export const readOptions = (options: MemoryTransportOptions): Settings => {
  if (process.env.NODE_ENV === 'production' && options.allowInProduction !== true) {
    throw new InvalidOptionError(
      'allowInProduction',
      'the memory transport loses every message with the process, and NODE_ENV is "production"; ' +
        'use a durable transport, or set allowInProduction: true',
    );
  }
  const settings: Settings = {
    broker: options.broker ?? createMemoryBroker(),
    topics: options.topics ?? {},
    partitions: options.partitions ?? 4,
    capacity: options.capacity ?? 10_000,
    overflow: options.overflow ?? { policy: 'block' },
    retain: options.retain ?? 10_000,
    maxBodyBytes: options.maxBodyBytes ?? 1_048_576,
    drainMs: options.drainMs ?? 10_000,
    runtime: createRuntime(options.runtime),
  };
  refuseUnknown('memoryTransport', [...Object.keys(settings), 'allowInProduction'], options);
  requireWhole('partitions', settings.partitions, 1);
  requireWhole('capacity', settings.capacity, 1);
  requireWhole('retain', settings.retain, 0);
  requireWhole('maxBodyBytes', settings.maxBodyBytes, 0);
  requireWhole('drainMs', settings.drainMs, 0);
  for (const [topic, { partitions }] of Object.entries(settings.topics)) {
    if (partitions !== undefined) requireWhole(`topics.${topic}.partitions`, partitions, 1);
  }
  return settings;
};
