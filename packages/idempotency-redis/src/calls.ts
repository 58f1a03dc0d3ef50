import type { Clock } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import { RedisTimeoutError } from './errors.ts';
import { inTime } from './in-time.ts';
import type { RedisClient } from './redis-client.ts';
import { runScript, type Script } from './script.ts';
import { createPlaces, tagOf } from './slots.ts';

export interface CallsOptions {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** How one script is called for many keys. */
export interface Kind<In extends { readonly key: string }, Out> {
  readonly script: Script;
  /** What is said once, for all keys of a script. */
  readonly common: (call: In) => readonly number[];
  /** Whether that is the same of two calls. */
  readonly alike: (one: In, other: In) => boolean;
  /** What is said after that, of each key. */
  readonly say: (calls: readonly In[]) => readonly string[];
  /** Of the text that the script replies for a key, or for several: its first character, and the rest. */
  readonly read: (code: string, rest: string) => Out;
}

/** Calls for one key each, joined to scripts for many. Each is answered, or rejects, in a bounded time. */
export type Calls<In, Out> = (calls: readonly In[]) => Promise<readonly Out[]>;

/** A longer script would hold up the other clients of the server. */
const maxBatch = 128;
const inFlight = 4;
/** Above it calls are refused: a server that has stopped must not fill the memory. */
const capacity = 20_000;
/** So many in one call need no others to share a script with. */
const enough = 32;

interface Waiting<In> {
  readonly call: In;
  readonly since: number;
}

export const createCalls = <In extends { readonly key: string }, Out>(
  { client, prefix, timeoutMs, clock }: CallsOptions,
  { script, common, alike, say, read }: Kind<In, Out>,
): Calls<In, Out> => {
  const placeOf = createPlaces(prefix);

  const runOne = async (calls: readonly In[]): Promise<readonly Out[]> => {
    const [first] = calls;
    if (first === undefined) return [];
    const call = { keys: calls.map(({ key }) => placeOf(key)), args: [...common(first), ...say(calls)] };
    const reply = (await inTime(clock, timeoutMs, runScript(client, script, call))) as readonly unknown[];
    const answerAt = (at: number): Out => {
      const text = String(reply[at]);
      return read(text.charAt(0), text.slice(1));
    };
    const answers = new Array<Out>(calls.length).fill(answerAt(0));
    for (let at = 1; at < reply.length; at += 2) answers[Number(reply[at]) - 1] = answerAt(at + 1);
    return answers;
  };

  /** What one script reads and writes must be in one slot of a cluster, and is told some things once. */
  const groupOf = (call: In): string => `${client.isCluster ? tagOf(call.key) : ''} ${common(call).join(' ')}`;

  const isOneGroup = (calls: readonly In[]): boolean => {
    const [first] = calls;
    return !client.isCluster && first !== undefined && calls.every((call) => alike(first, call));
  };

  const run = async (calls: readonly In[]): Promise<readonly Out[]> => {
    if (isOneGroup(calls)) return runOne(calls);
    const groups = [...Map.groupBy(calls.keys(), (at) => groupOf(calls[at] as In)).values()];
    const answers: Out[] = new Array(calls.length);
    await Promise.all(
      groups.map(async (places) => {
        const outs = await runOne(places.map((at) => calls[at] as In));
        places.forEach((at, n) => {
          answers[at] = outs[n] as Out;
        });
      }),
    );
    return answers;
  };

  const batcher = createBatcher<Waiting<In>, Out>({
    ...{ maxSize: maxBatch, inFlight, capacity },
    run: (batch) => {
      // They waited for a server that does not answer: nothing is sent for them any more.
      const waitedMs = clock.monotonic() - (batch.at(-1)?.since ?? 0);
      if (waitedMs >= timeoutMs) return Promise.reject(new RedisTimeoutError(timeoutMs));
      return run(batch.map(({ call }) => call));
    },
  });

  const runMany = async (calls: readonly In[]): Promise<readonly Out[]> => {
    if (calls.length <= maxBatch) return run(calls);
    const chunks = Array.from({ length: Math.ceil(calls.length / maxBatch) }, (_, n) =>
      calls.slice(n * maxBatch, (n + 1) * maxBatch),
    );
    return (await Promise.all(chunks.map(run))).flat();
  };

  return (calls) => {
    if (calls.length >= enough) return runMany(calls);
    const since = clock.monotonic();
    return Promise.all(calls.map((call) => batcher.submit({ call, since })));
  };
};
