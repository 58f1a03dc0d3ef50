import { EarlierFailedError } from '@holdfast/core';
import { type Call, endCall } from './sending.ts';

/** Calls whose topic the broker is asked for, in their order. Those that come later must not overtake them. */
export interface Asking {
  has(topic: string): boolean;
  /** True for the first of its topic. */
  add(call: Call): boolean;
  /** It is over. */
  remove(call: Call): void;
  /** The answer is there: all that wait for it, in order. */
  take(topic: string): readonly Call[];
  /** Ends what waits behind calls that have failed and has a key with them. */
  failBehind(failed: readonly Call[], cause: unknown): void;
  /** How many messages wait. */
  readonly messages: number;
}

export const createAsking = (): Asking => {
  const waiting = new Map<string, Set<Call>>();
  let messages = 0;

  const remove = (call: Call): void => {
    if (waiting.get(call.topic)?.delete(call)) messages -= call.messages.length;
  };

  const failBehind = (failed: readonly Call[], cause: unknown): void => {
    const [first] = failed;
    const behind = first === undefined ? undefined : waiting.get(first.topic);
    if (first === undefined || behind === undefined) return;
    const keys = new Set(failed.flatMap(keysOf));
    for (const call of [...behind]) {
      if (call.sequence < first.sequence || !keysOf(call).some((key) => keys.has(key))) continue;
      for (const key of keysOf(call)) keys.add(key);
      endCall(call, () => new EarlierFailedError(call.topic, cause));
    }
  };

  return {
    has: (topic) => waiting.has(topic),
    add: (call) => {
      const first = !waiting.has(call.topic);
      if (first) waiting.set(call.topic, new Set());
      waiting.get(call.topic)?.add(call);
      messages += call.messages.length;
      return first;
    },
    remove,
    take: (topic) => {
      const calls = [...(waiting.get(topic) ?? [])];
      for (const call of calls) remove(call);
      waiting.delete(topic);
      return calls;
    },
    failBehind,
    get messages() {
      return messages;
    },
  };
};

const keysOf = ({ messages }: Call): readonly string[] =>
  messages.flatMap(({ key }) => (key === undefined ? [] : [key]));
