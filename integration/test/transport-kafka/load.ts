import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, type Receive, type Transport } from '@holdfast/core';
import { eventually } from '../../harness/index.ts';
import { messageOf } from './kafka-world.ts';

/** What was received of each key, first occurrences only. */
export interface Ledger {
  readonly receive: Receive;
  /** `id`s are `key-number`. */
  note(id: string, key: string): void;
  readonly seen: ReadonlySet<string>;
  /** Everything that was published has come, and first occurrences in order. */
  complete(counts: ReadonlyMap<string, number>, timeoutMs?: number): Promise<void>;
}

export const createLedger = (): Ledger => {
  const firsts = new Map<string, number[]>();
  const seen = new Set<string>();
  const note = (id: string, key: string): void => {
    if (seen.has(id)) return;
    seen.add(id);
    firsts.set(key, [...(firsts.get(key) ?? []), Number(id.slice(key.length + 1))]);
  };
  return {
    seen,
    note,
    receive: async ({ message: { id, key = '' } }) => {
      note(id, key);
      return ack;
    },
    complete: async (counts, timeoutMs = 20_000) => {
      await eventually(
        () => {
          for (const [key, count] of counts) assert.equal(firsts.get(key)?.length ?? 0, count, `of key ${key}`);
        },
        { timeoutMs },
      );
      for (const [key, numbers] of firsts) {
        assert.deepEqual(
          numbers,
          numbers.map((_, n) => n),
          `order of key ${key}`,
        );
      }
    },
  };
};

/** Publishes message after message of each key, each again until it is known to be stored: copies may be. */
export const startPublishing = (
  transport: Transport,
  topic: string,
): { stop(): Promise<ReadonlyMap<string, number>>; readonly failures: readonly unknown[] } => {
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  const failures: unknown[] = [];
  let stopped = false;
  const publishKey = async (key: string): Promise<readonly [string, number]> => {
    let n = 0;
    for (; !stopped; n++) {
      const message = messageOf(`${key}-${n}`, key);
      while (!(await stored(message))) await sleep(20);
      await sleep(1);
    }
    return [key, n];
  };
  const stored = (message: ReturnType<typeof messageOf>): Promise<boolean> =>
    transport.publish(topic, [message]).then(
      () => true,
      (error: unknown) => {
        failures.push(error);
        return false;
      },
    );
  const done = Promise.all(keys.map(publishKey));
  return {
    failures,
    stop: async () => {
      stopped = true;
      return new Map(await done);
    },
  };
};
