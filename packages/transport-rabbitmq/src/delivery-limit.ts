import type { Runtime } from '@holdfast/core';
import type { AmqpMessage } from './amqp.ts';

export interface DeliveryLimitOptions {
  readonly topic: string;
  readonly group: string;
  readonly queue: string;
  /** As its user says; the broker cannot be asked. */
  readonly deliveryLimit: number | undefined;
  readonly runtime: Pick<Runtime, 'clock' | 'log'>;
}

/** Of a queue without a known limit: crashes, and closes that ran out of time, are rare by themselves. */
const conspicuous = 3;
const againMs = 60_000;

/**
 * Warns when the deliveries of a message come near the limit at which a quorum queue drops it, which its broker does
 * without a word, and whether or not a handler has seen it.
 */
export const createDeliveryLimitWatch = ({ runtime, deliveryLimit, ...names }: DeliveryLimitOptions) => {
  const { clock, log } = runtime;
  const from = deliveryLimit === undefined ? conspicuous : Math.max(1, Math.ceil(deliveryLimit / 2));
  let warned = { count: 0, at: 0 };
  return ({ properties }: AmqpMessage): void => {
    const count = properties.headers?.['x-delivery-count'];
    if (typeof count !== 'number' || count < from) return;
    const now = clock.monotonic();
    if (count <= warned.count && now - warned.at < againMs) return;
    warned = { count, at: now };
    log.warn(
      { ...names, id: properties.messageId, handedBack: count, deliveryLimit },
      'messages of an adopted queue have been handed back again and again, by crashes or by closes that ran out of time; ' +
        'at its delivery limit, 20 by default on RabbitMQ 4, the queue drops or dead-letters them',
    );
  };
};
