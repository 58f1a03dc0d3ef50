import assert from 'node:assert/strict';
import { type Clock, createRuntime, HoldfastError, silentLog } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import type { Lease } from '@holdfast/postgres';
import fc from 'fast-check';
import { createGate } from '../src/gate.ts';
import { createPipeline } from '../src/pipeline.ts';
import type { RelayRow } from '../src/relay-row.ts';
import type { RelaySink, SendOutcome } from '../src/relay-sink.ts';
import { createTicks } from '../src/ticks.ts';
import { createTopicHealths } from '../src/topic-health.ts';
import { createFakeRing, type FakeRing } from './fake-ring.ts';

class RefusedError extends HoldfastError {
  override readonly code = 'refused';
}

interface World {
  readonly failsSuffix: boolean;
  readonly batchSize: number;
  readonly maxInFlight: number;
  readonly maxBytes: number;
  readonly deaths: number;
  readonly messages: readonly { readonly key: string | undefined; readonly topic: string }[];
  /** What happens to the hand-overs of rows, one after the other; then all is well. */
  readonly ends: readonly ('ok' | 'failed' | 'refused' | 'unknown' | 'later')[];
  /** How many messages are there at the start; the rest is added while the relay runs. */
  readonly early: number;
  /** After how many further messages an operator puts all parked ones back. */
  readonly unparkEvery: number;
}

const world: fc.Arbitrary<World> = fc.record({
  failsSuffix: fc.boolean(),
  batchSize: fc.integer({ min: 1, max: 5 }),
  maxInFlight: fc.integer({ min: 1, max: 6 }),
  maxBytes: fc.integer({ min: 1, max: 60 }),
  deaths: fc.integer({ min: 0, max: 2 }),
  messages: fc.array(
    fc.record({ key: fc.constantFrom('a', 'b', 'c', undefined), topic: fc.constantFrom('x', 'x', 'y') }),
    { maxLength: 30 },
  ),
  ends: fc.array(fc.constantFrom('ok', 'ok', 'failed', 'refused', 'unknown', 'later'), { maxLength: 40 }),
  early: fc.integer({ min: 0, max: 20 }),
  unparkEvery: fc.integer({ min: 1, max: 10 }),
});

const outcomeOf = (end: World['ends'][number]): SendOutcome => {
  switch (end) {
    case 'ok':
      return { outcome: 'ok' };
    case 'failed':
      return { outcome: 'failed', error: new Error('failed') };
    case 'refused':
      return { outcome: 'failed', error: new RefusedError('refused') };
    case 'unknown':
      return { outcome: 'unknown', error: new Error('lost') };
    case 'later':
      return { outcome: 'later', delayMs: 0, spent: true };
  }
};

/** Checks what may be under way at once, and remembers what was confirmed. */
const checkingSink = ({ failsSuffix, batchSize, maxInFlight, ends }: World, scheduler: fc.Scheduler) => {
  const confirmed: string[] = [];
  const flying = new Set<RelayRow>();
  const left = [...ends];
  const sink: RelaySink = {
    failsSuffix,
    send: async (rows) => {
      const topics = new Set(rows.map(({ topic }) => topic));
      const keys = rows.flatMap(({ key }) => key ?? []);
      const flyingKeys = new Set([...flying].map(({ key }) => key));
      assert.equal(topics.size, 1);
      assert.ok(rows.length >= 1 && rows.length <= batchSize);
      assert.ok(
        keys.every((key) => !flyingKeys.has(key)),
        'a key is under way twice',
      );
      assert.ok(failsSuffix || new Set(keys).size === keys.length, 'a hand-over has a key twice');
      assert.ok(!failsSuffix || [...flying].every(({ topic }) => !topics.has(topic)), 'a topic is under way twice');
      for (const row of rows) flying.add(row);
      assert.ok(flying.size <= maxInFlight);
      await scheduler.schedule(Promise.resolve(), 'send');
      for (const row of rows) flying.delete(row);
      let suffix: SendOutcome | undefined;
      return rows.map(({ id }) => {
        const outcome = suffix ?? outcomeOf(left.shift() ?? 'ok');
        if (outcome.outcome === 'ok') confirmed.push(id);
        else if (failsSuffix) suffix = { outcome: 'later', delayMs: 0, spent: true };
        return outcome;
      });
    },
  };
  return { sink, confirmed };
};

const runPipeline = (
  ring: FakeRing,
  sink: RelaySink,
  world: Pick<World, 'batchSize' | 'maxInFlight' | 'maxBytes' | 'deaths'>,
  clock: Clock,
) => {
  const claim = new AbortController();
  const lease: Lease = {
    ...{ slot: 0, epoch: '1', owner: 'o', takenOver: world.deaths > 0, deaths: world.deaths },
    ...{ signal: claim.signal, holds: () => !claim.signal.aborted },
  };
  const pipeline = createPipeline({
    ...world,
    ...{ store: ring.store, sink, lease, ticks: createTicks(), gate: createGate(), healthOf: createTopicHealths() },
    ...{ attempts: 3, backoff: constant({ delayMs: 0 }), random: () => 0.5, suspectDeaths: 3, deathsAlone: new Map() },
    ...{ once: false, persist: (operation, signal) => operation(signal) },
    runtime: createRuntime({ log: silentLog, clock }),
    ...{ onHandedOver: () => {}, onParked: () => {}, onCleared: () => {} },
  });
  return pipeline;
};

describe('a pipeline', () => {
  it('P2, P3, P5: confirms every row, in order per key, whatever fails, is parked and put back', async () => {
    await fc.assert(
      fc.asyncProperty(world, fc.scheduler(), async (world, scheduler) => {
        const ring = createFakeRing(scheduler);
        const { sink, confirmed } = checkingSink(world, scheduler);
        const pipeline = runPipeline(ring, sink, world, { now: () => 0, monotonic: () => 0, after: ring.soon });
        const early = world.messages.slice(0, world.early);
        for (const message of early) ring.add(message);
        const running = pipeline.run();
        const scenario = async (): Promise<void> => {
          for (const [index, message] of world.messages.slice(world.early).entries()) {
            await scheduler.schedule(Promise.resolve(), 'add');
            ring.add(message);
            if (index % world.unparkEvery === 0) ring.unparkAll();
            pipeline.poke();
          }
          while (ring.left > 0) {
            await scheduler.schedule(Promise.resolve(), 'look');
            ring.unparkAll();
            pipeline.poke();
          }
          pipeline.stop();
        };
        await scheduler.waitFor(Promise.all([scenario(), running]));
        assert.equal(await running, 'done');

        const firsts = [...new Set(confirmed)];
        assert.deepEqual(firsts.toSorted(), world.messages.map((_, n) => ring.idOf(n)).toSorted());
        for (const key of ['a', 'b', 'c']) {
          const expected = world.messages.flatMap((message, n) => (message.key === key ? [ring.idOf(n)] : []));
          assert.deepEqual(
            firsts.filter((id) => expected.includes(id)),
            expected,
            `key ${key}`,
          );
        }
      }),
      { numRuns: 500 },
    );
  });
});
