import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, type Message, type Receive, type Transport } from '@holdfast/core';
import { eventually } from '../../harness/index.ts';
import { messageOf } from './test-streams.ts';

/** A publisher that tries each message until it is known to be stored, and a receiver that remembers what came first. */
export interface Load {
  readonly receive: Receive;
  /** How many different messages have come. */
  readonly seen: number;
  /** How many were handed over again. */
  readonly copies: number;
  /** Ends publishing, and waits until everything has come: nothing lost, each key's first deliveries in order. */
  finish(): Promise<void>;
}

const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

export const startLoad = (publisher: Pick<Transport, 'publish'>, topic: string): Load => {
  const firsts = new Map<string, number[]>();
  const seen = new Set<string>();
  let copies = 0;
  let stopped = false;

  const isStored = (message: Message): Promise<boolean> =>
    publisher.publish(topic, [message]).then(
      () => true,
      () => false,
    );
  const publishKey = async (key: string): Promise<number> => {
    let n = 0;
    // Ids are stable, so copies may be stored; a message that is under way is not given up.
    for (let trying = false; !stopped || trying; ) {
      trying = !(await isStored(messageOf(`${key}-${n}`, key)));
      if (trying) await sleep(20);
      else n++;
    }
    return n;
  };
  const publishing = Promise.all(keys.map(publishKey));

  return {
    receive: async ({ message: { id, key = '' } }) => {
      if (seen.has(id)) copies++;
      else firsts.set(key, [...(firsts.get(key) ?? []), Number(id.split('-')[1])]);
      seen.add(id);
      return ack;
    },
    get seen() {
      return seen.size;
    },
    get copies() {
      return copies;
    },
    finish: async () => {
      stopped = true;
      const counts = await publishing;
      await eventually(
        () =>
          assert.deepEqual(
            keys.map((key) => firsts.get(key)?.length),
            counts,
          ),
        { timeoutMs: 20_000 },
      );
      for (const [key, numbers] of firsts) {
        assert.deepEqual(
          numbers,
          numbers.map((_, n) => n),
          `key ${key}`,
        );
      }
    },
  };
};
