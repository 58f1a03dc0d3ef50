import type { Message, Receive, Runtime, Settlement } from '@holdfast/core';
import type { IntakeRecord } from '@holdfast/flow';
import type { AmqpMessage } from './amqp.ts';
import { createAttempts } from './attempts.ts';
import type { ReadMessage } from './options.ts';
import { unreadableId } from './unreadable-id.ts';
import { fromWire } from './wire.ts';

/** Turns queued messages into records of the intake. What cannot be read is rejected when its turn comes. */
export interface Intaking {
  toRecord(topic: string, read: ReadMessage | undefined, raw: AmqpMessage): IntakeRecord;
  readonly receive: Receive;
  /** How many deliveries run. */
  readonly running: number;
}

export interface IntakingOptions {
  readonly receive: Receive;
  readonly maxInFlight: number;
  readonly runtime: Pick<Runtime, 'clock'>;
}

export const createIntaking = ({ receive, maxInFlight, runtime }: IntakingOptions): Intaking => {
  const attempts = createAttempts(maxInFlight, runtime.clock);
  let running = 0;
  const unreadable = new WeakMap<Message, string>();

  const toRecord = (topic: string, read: ReadMessage | undefined, raw: AmqpMessage): IntakeRecord => {
    const position = String(raw.fields.deliveryTag);
    const reading = fromWire(raw, read);
    if ('message' in reading) {
      const { message } = reading;
      return { message, position, attempt: attempts.of(topic, message.id) };
    }
    const message: Message = {
      id: unreadableId(topic, raw),
      type: 'unreadable',
      headers: reading.headers,
      body: raw.content,
    };
    unreadable.set(message, reading.unreadable);
    return { message, position };
  };

  const received = async (delivered: Promise<Settlement>, delivery: Parameters<Receive>[0]): Promise<Settlement> => {
    running++;
    try {
      const settlement = await delivered;
      attempts.note(delivery, settlement);
      return settlement;
    } finally {
      running--;
    }
  };

  return {
    toRecord,
    get running() {
      return running;
    },
    receive: (delivery) => {
      const reason = unreadable.get(delivery.message);
      if (reason !== undefined) return Promise.resolve({ outcome: 'reject', reason: `unreadable: ${reason}` });
      const delayMs = attempts.waitMs(delivery);
      if (delayMs > 0) return received(Promise.resolve({ outcome: 'retry', delayMs, spent: false }), delivery);
      return received(receive(delivery), delivery);
    },
  };
};
