import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, isHoldfastError, type Receive, type Transport } from '@holdfast/core';
import { eventually } from '../../harness/index.ts';
import { messageOf } from './test-rabbit.ts';

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Load on a topic, and what came of it. */
export interface Load {
  readonly receive: Receive;
  /** How many different messages have come. */
  readonly seen: number;
  /** Codes of the errors that publishes ended in. */
  readonly refusals: ReadonlySet<string>;
  /** Resolves when so many more have come. */
  more(count: number): Promise<void>;
  /** Stops publishing; everything that was stored must come, and the first deliveries of each key in order. */
  finish(): Promise<void>;
}

/** Publishes each message again and again until it is known to be stored, one of a key at a time: ids are stable. */
export const startLoad = (transport: Transport, topic: string): Load => {
  const firsts = new Map<string, number[]>(keys.map((key) => [key, []]));
  const seen = new Set<string>();
  const refusals = new Set<string>();
  let stopped = false;

  const publishAll = async (key: string): Promise<number> => {
    let n = 0;
    while (!stopped) {
      try {
        await transport.publish(topic, [messageOf(`${key}-${n}`, key)]);
        n++;
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        refusals.add(isHoldfastError(cause) ? cause.code : String(cause));
        await sleep(20);
      }
    }
    return n;
  };
  const publishing = Promise.all(keys.map(publishAll));

  const receive: Receive = async ({ message: { id, key = '' } }) => {
    if (!seen.has(id)) firsts.get(key)?.push(Number(id.slice(key.length + 1)));
    seen.add(id);
    return ack;
  };

  const finish = async (): Promise<void> => {
    stopped = true;
    const counts = await publishing;
    await eventually(
      () => {
        for (const [index, key] of keys.entries()) {
          const numbers = firsts.get(key) ?? [];
          assert.ok(numbers.length >= (counts[index] ?? 0), `${numbers.length} of ${counts[index]} of key ${key} came`);
        }
      },
      { timeoutMs: 20_000 },
    );
    for (const [key, numbers] of firsts) {
      assert.deepEqual(
        numbers,
        numbers.map((_, n) => n),
        `key ${key}`,
      );
    }
  };

  return {
    receive,
    refusals,
    finish,
    get seen() {
      return seen.size;
    },
    more: (count) => {
      const before = seen.size;
      return eventually(() => assert.ok(seen.size >= before + count, `${seen.size - before} of ${count} more came`), {
        timeoutMs: 30_000,
      });
    },
  };
};
