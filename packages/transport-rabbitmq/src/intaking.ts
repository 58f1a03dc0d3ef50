import type { Message, Receive, Runtime, Settlement, SubscribeOptions } from '@holdfast/core';
import { type IntakeRecord, refuseUnreadable, unreadableMessage } from '@holdfast/flow';
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
  readonly onUnreadable: SubscribeOptions['onUnreadable'];
  readonly runtime: Pick<Runtime, 'clock' | 'log' | 'meter'>;
  readonly name: string;
}

export const createIntaking = ({ maxInFlight, runtime, ...options }: IntakingOptions): Intaking => {
  const attempts = createAttempts(maxInFlight, runtime.clock);
  let running = 0;

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
    return { message: unreadableMessage(message, reading.unreadable), position };
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

  const receive: Receive = (delivery) => {
    const delayMs = attempts.waitMs(delivery);
    if (delayMs > 0) return received(Promise.resolve({ outcome: 'retry', delayMs, spent: false }), delivery);
    return received(options.receive(delivery), delivery);
  };
  return {
    toRecord,
    receive: refuseUnreadable({ ...options, receive, runtime }),
    get running() {
      return running;
    },
  };
};
