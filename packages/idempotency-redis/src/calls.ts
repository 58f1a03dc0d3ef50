import type { Clock } from '@holdfast/core';
import { createBatcher } from '@holdfast/flow';
import { RedisTimeoutError } from './errors.ts';
import { inTime } from './in-time.ts';
import type { RedisClient } from './redis-client.ts';
import { runScript, type Script } from './script.ts';
import { placeOf, tagOf } from './slots.ts';

export interface CallsOptions {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** How one script is called for many keys. */
export interface Kind<In extends { readonly key: string }, Out> {
  readonly script: Script;
  readonly args: (call: In) => readonly (string | number)[];
  /** How many values of the reply belong to each key. */
  readonly width: number;
  readonly read: (code: string, value: string) => Out;
}

/** Calls for one key each, joined to scripts for many. Each is answered, or rejects, in a bounded time. */
export type Calls<In, Out> = (calls: readonly In[]) => Promise<readonly Out[]>;

/** A longer script would hold up the other clients of the server. */
const maxBatch = 128;
const inFlight = 4;
/** Above it calls are refused: a server that has stopped must not fill the memory. */
const capacity = 20_000;

interface Waiting<In> {
  readonly call: In;
  readonly since: number;
}

export const createCalls = <In extends { readonly key: string }, Out>(
  { client, prefix, timeoutMs, clock }: CallsOptions,
  { script, args, width, read }: Kind<In, Out>,
): Calls<In, Out> => {
  const runOne = async (calls: readonly In[]): Promise<readonly Out[]> => {
    const keys = calls.map(({ key }) => placeOf(prefix, key));
    const reply = await inTime(clock, timeoutMs, runScript(client, script, { keys, args: calls.flatMap(args) }));
    const values = (reply as readonly unknown[]).map(String);
    return calls.map((_, at) => read(values[at * width] ?? '', values[at * width + 1] ?? ''));
  };

  /** What one script reads and writes must be in one slot of a cluster. */
  const runPerTag = async (calls: readonly In[]): Promise<readonly Out[]> => {
    const groups = [...Map.groupBy(calls.keys(), (at) => tagOf(calls[at]?.key ?? '')).values()];
    const answers: Out[] = new Array(calls.length);
    await Promise.all(
      groups.map(async (places) => {
        const outs = await runOne(places.flatMap((at) => calls[at] ?? []));
        places.forEach((at, n) => {
          answers[at] = outs[n] as Out;
        });
      }),
    );
    return answers;
  };

  const batcher = createBatcher<Waiting<In>, Out>({
    ...{ maxSize: maxBatch, inFlight, capacity },
    run: async (batch) => {
      // They waited for a server that does not answer: nothing is sent for them any more.
      if (clock.monotonic() - (batch.at(-1)?.since ?? 0) >= timeoutMs) throw new RedisTimeoutError(timeoutMs);
      const calls = batch.map(({ call }) => call);
      return client.isCluster ? runPerTag(calls) : runOne(calls);
    },
  });

  return (calls) => {
    const since = clock.monotonic();
    const [only] = calls;
    if (only !== undefined && calls.length === 1) return batcher.submit({ call: only, since }).then((out) => [out]);
    return Promise.all(calls.map((call) => batcher.submit({ call, since })));
  };
};
