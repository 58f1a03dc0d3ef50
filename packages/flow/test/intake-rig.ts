import { setImmediate } from 'node:timers/promises';
import {
  createRuntime,
  createVirtualClock,
  type Delivery,
  type Message,
  type Settlement,
  silentLog,
  type VirtualClock,
} from '@holdfast/core';
import { createIntake, type Intake, type IntakeOptions } from '@holdfast/flow';

/** An intake whose handlers wait to be ended by the test, and whose dead letters are kept in a list. */
export interface IntakeRig {
  readonly intake: Intake;
  readonly clock: VirtualClock;
  /** Deliveries whose handler has not returned, in the order they started. */
  readonly running: readonly Delivery[];
  /** All deliveries ever. */
  readonly deliveries: readonly Delivery[];
  readonly dead: readonly (readonly [message: Message, topic: string])[];
  readonly logged: readonly string[];
  /** Lets the handler of a delivery return, or throw. */
  settle(delivery: Delivery | undefined, settlement: Settlement | Error): void;
  /** The same, and lets everything follow that can. */
  end(delivery: Delivery | undefined, settlement: Settlement | Error): Promise<void>;
  /** How many of the next dead letters cannot be stored. */
  failDeadLetters(times: number): void;
}

export const createRig = (options: Partial<IntakeOptions> = {}): IntakeRig => {
  const clock = createVirtualClock();
  const handlers = new Map<Delivery, (settlement: Settlement | Error) => void>();
  const deliveries: Delivery[] = [];
  const dead: [Message, string][] = [];
  const logged: string[] = [];
  let failures = 0;
  const keep = (_fields: object, message: string): void => void logged.push(message);
  const intake = createIntake({
    group: 'billing',
    name: 'test',
    runtime: createRuntime({ clock, log: { ...silentLog, warn: keep, error: keep } }),
    receive: (delivery) => {
      deliveries.push(delivery);
      return new Promise((resolve, reject) => {
        handlers.set(delivery, (end) => (end instanceof Error ? reject(end) : resolve(end)));
      });
    },
    deadLetter: async (message, topic) => {
      if (failures > 0) {
        failures--;
        throw new Error('the dead topic is full');
      }
      dead.push([message, topic]);
    },
    ...options,
  });
  const settle = (delivery: Delivery | undefined, settlement: Settlement | Error): void => {
    if (delivery === undefined) throw new Error('no such delivery');
    handlers.get(delivery)?.(settlement);
    handlers.delete(delivery);
  };
  return {
    intake,
    clock,
    deliveries,
    dead,
    logged,
    get running() {
      return [...handlers.keys()];
    },
    settle,
    end: async (delivery, settlement) => {
      settle(delivery, settlement);
      await setImmediate();
    },
    failDeadLetters: (times) => {
      failures = times;
    },
  };
};

export const messageOf = (id: string, key?: string): Message => ({
  id,
  type: 'order.placed',
  ...(key === undefined ? {} : { key }),
  headers: {},
  body: new Uint8Array(),
});

export const retryOf = (delayMs: number, spent = true): Settlement => ({ outcome: 'retry', delayMs, spent });

export const reject: Settlement = { outcome: 'reject', reason: 'no such customer' };
