import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createRuntime, silentLog } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import type fc from 'fast-check';
import { createGate } from '../src/gate.ts';
import { createPipeline } from '../src/pipeline.ts';
import type { RelaySink, SendOutcome } from '../src/relay-sink.ts';
import { createTicks } from '../src/ticks.ts';
import { createTopicHealths } from '../src/topic-health.ts';
import { createFakeRing } from './fake-ring.ts';

/** Answers each statement in the next turn of the event loop. The rest of a scheduler is not used by the ring. */
const inTurn = {
  schedule: async (task: Promise<void>): Promise<void> => {
    await task;
    await setImmediate();
  },
} as unknown as fc.Scheduler;

const failures: Readonly<Record<string, SendOutcome>> = {
  unknown: { outcome: 'unknown', error: new Error('lost') },
  failed: { outcome: 'failed', error: new Error('no') },
  later: { outcome: 'later', delayMs: 5, spent: true },
};
const crowds: Readonly<Record<string, (n: number) => string | undefined>> = {
  'one key with many rows': () => 'bad',
  'many keys': (n) => `bad${n}`,
  'rows without a key': () => undefined,
};
const bounds = {
  'bounded by rows': { maxInFlight: 2, maxBytes: 1_000_000 },
  'bounded by bytes': { maxInFlight: 1_000, maxBytes: 24 },
};
const badRows = 60;
const goodRows = 10;

/** A sink that does not take rows of the topic `bad` while it is down. */
const brokenSink = (failure: SendOutcome, failsSuffix: boolean) => {
  const confirmed: string[] = [];
  let most = 0;
  const sink: RelaySink & { down: boolean } = {
    ...{ failsSuffix, down: true },
    send: async (rows) => {
      await setImmediate();
      most = Math.max(most, ...rows.map(({ attempt }) => attempt));
      let suffix: SendOutcome | undefined;
      return rows.map(({ id, topic }) => {
        const end = suffix ?? (sink.down && topic === 'bad' ? failure : ({ outcome: 'ok' } as const));
        if (end.outcome === 'ok') confirmed.push(id);
        else if (failsSuffix) suffix = { outcome: 'later', delayMs: 5, spent: true };
        return end;
      });
    },
  };
  return { sink, confirmed, mostAttempts: () => most };
};

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await setImmediate();
};

const pairs = <A, B>(all: readonly A[], others: readonly B[]): [A, B][] =>
  all.flatMap((a) => others.map((b): [A, B] => [a, b]));

describe('rows that wait for a delay', () => {
  for (const [crowd, keyOf] of Object.entries(crowds)) {
    for (const [name, failure] of Object.entries(failures)) {
      for (const [failsSuffix, [bound, limits]] of pairs([false, true], Object.entries(bounds))) {
        const title = `${crowd}, ${name}, ${bound}, failsSuffix ${failsSuffix}`;
        it(`P3, P5, P8: stop no others, however many they are: ${title}`, async () => {
          const ring = createFakeRing(inTurn);
          const { sink, confirmed, mostAttempts } = brokenSink(failure, failsSuffix);
          const lease = { slot: 0, epoch: '1', owner: 'o', takenOver: false, deaths: 0, holds: () => true };
          const pipeline = createPipeline({
            ...{ store: ring.store, sink, ticks: createTicks(), gate: createGate(), healthOf: createTopicHealths() },
            ...{ lease: { ...lease, signal: new AbortController().signal }, deathsAlone: new Map(), suspectDeaths: 3 },
            ...{ attempts: 1_000_000, backoff: constant({ delayMs: 5 }), random: () => 0.5 },
            ...{ batchSize: 2, ...limits, once: false, persist: (operation, signal) => operation(signal) },
            runtime: createRuntime({ log: silentLog }),
            ...{ onHandedOver: () => {}, onParked: () => {}, onCleared: () => {} },
          });
          for (let n = 0; n < badRows; n++) ring.add({ key: keyOf(n), topic: 'bad' });
          for (let n = 0; n < goodRows; n++) ring.add({ key: `good${n % 3}`, topic: 'good' });
          const running = pipeline.run();
          await until(() => ring.left === badRows);
          await until(() => mostAttempts() > 3);
          await until(() => pipeline.aside > 0);
          sink.down = false;
          await until(() => ring.left === 0);
          pipeline.stop();
          assert.equal(await running, 'done');
          const firsts = [...new Set(confirmed)];
          assert.equal(firsts.length, badRows + goodRows);
          const bad = Array.from({ length: badRows }, (_, n) => ring.idOf(n));
          if (keyOf(0) === 'bad') {
            assert.deepEqual(
              firsts.filter((id) => bad.includes(id)),
              bad,
            );
          }
          assert.equal(pipeline.aside, 0);
        });
      }
    }
  }
});
