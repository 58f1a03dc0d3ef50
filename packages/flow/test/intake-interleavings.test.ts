import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { ack, type Delivery, type Message, type Settlement } from '@holdfast/core';
import type { IntakePartition } from '@holdfast/flow';
import fc from 'fast-check';
import { createRig, messageOf, reject, retryOf } from './intake-rig.ts';

const concurrency = 3;
const maxInFlight = 8;
const logLength = 12;

type Step =
  | { readonly fetch: number; readonly partition: number }
  | { readonly end: number; readonly as: Settlement | Error }
  | { readonly claim: 'abandon' | 'revoke' | 'time-up' | 'assign'; readonly partition: number }
  | { readonly advance: number }
  | 'pause'
  | 'resume'
  | 'fail-dead-letters'
  | 'flush';

const partition = fc.integer({ min: 0, max: 1 });
const settlement = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ack) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.integer({ min: 0, max: 300 }), fc.boolean()).map(([ms, spent]) => retryOf(ms, spent)),
  },
  { weight: 1, arbitrary: fc.constant(reject) },
  { weight: 1, arbitrary: fc.constant(new Error('a broken receive')) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ fetch: fc.integer({ min: 1, max: 6 }), partition }) },
  { weight: 8, arbitrary: fc.record({ end: fc.nat({ max: 10 }), as: settlement }) },
  {
    weight: 4,
    arbitrary: fc.record({ claim: fc.constantFrom('abandon', 'revoke', 'time-up', 'assign', 'assign'), partition }),
  },
  { weight: 1, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 1_200 }) }) },
  { weight: 3, arbitrary: fc.constant('flush') },
  { weight: 1, arbitrary: fc.constantFrom('pause', 'resume', 'fail-dead-letters') },
);
const logs = fc.array(fc.array(fc.constantFrom('a', 'b', undefined), { minLength: logLength, maxLength: logLength }), {
  minLength: 2,
  maxLength: 2,
});

/** A broker of two partitions that gives each to one claim at a time, and looks at everything that the intake does. */
const createWorld = (keys: (string | undefined)[][]) => {
  const rig = createRig({ concurrency, maxInFlight });
  const { intake } = rig;
  const partitions = keys.map((keysOfLog, number) => ({
    log: keysOfLog.map((key, at) => messageOf(`${number}-${at}`, key)),
    committed: -1,
    fetched: -1,
    tokens: 0,
    claim: undefined as IntakePartition | undefined,
    /** The token for which the intake may still settle. */
    live: undefined as string | undefined,
    draining: false,
    timeUp: new AbortController(),
  }));
  type Partition = (typeof partitions)[number];
  const finished = new Set<string>();
  const seen = new Set<Delivery>();
  /** Found where a throw would be taken for a fault of the adapter. */
  const violations: string[] = [];

  const assign = (one: Partition, number: number): void => {
    if (one.live !== undefined) return;
    const token = `t${++one.tokens}`;
    one.live = token;
    one.draining = false;
    one.fetched = one.committed;
    one.timeUp = new AbortController();
    one.claim = intake.assign({ topic: 'orders', partition: number, token }, (position) => {
      if (one.live !== token) violations.push('settled for a claim that has ended');
      if (Number(position) <= one.committed) violations.push('the position went back');
      one.committed = Number(position);
      const passed = one.log.slice(0, one.committed + 1);
      const open = passed.find(({ id }) => !finished.has(id) && !wasBuried(id));
      if (open !== undefined) violations.push(`${open.id} was passed but is not finished`);
    });
  };
  const wasBuried = (id: string): boolean => rig.dead.some(([message]) => message.id === id);
  const fetch = (one: Partition, most: number): void => {
    if (one.claim === undefined) return;
    const wanted = Math.min(most, one.log.length - 1 - one.fetched);
    const granted = intake.reserve(wanted);
    for (let left = granted; left > 0; left--) {
      one.fetched++;
      one.claim.push({ message: one.log[one.fetched] as Message, position: String(one.fetched) });
    }
  };
  const end = (delivery: Delivery | undefined, as: Settlement | Error): void => {
    if (delivery === undefined) return;
    if (!(as instanceof Error) && as.outcome === 'ack') finished.add(delivery.message.id);
    rig.settle(delivery, as);
  };
  const changeClaim = (one: Partition, number: number, change: (Step & { claim: string })['claim']): void => {
    const { claim, live } = one;
    if (change === 'assign') assign(one, number);
    else if (claim === undefined) return;
    else if (change === 'abandon') {
      one.live = undefined;
      claim.abandon();
    } else if (change === 'time-up') {
      one.timeUp.abort();
      if (one.draining) one.live = undefined;
    } else {
      one.draining = true;
      if (one.timeUp.signal.aborted) one.live = undefined;
      void claim.revoke(one.timeUp.signal).then(() => {
        if (one.live === live) one.live = undefined;
      });
    }
  };
  const check = (): void => {
    assert.deepEqual(violations, []);
    assert.ok(rig.running.length <= concurrency);
    assert.ok(intake.inFlight <= maxInFlight);
    const lanes = rig.running.map(({ message, partition }) => `${partition} ${message.key ?? message.id}`);
    assert.equal(new Set(lanes).size, lanes.length, 'two of one key run at once');
    for (const delivery of rig.deliveries) {
      if (seen.has(delivery)) continue;
      seen.add(delivery);
      const { message, position, token } = delivery;
      const { live, draining } = partitions[delivery.partition] ?? assert.fail();
      assert.ok(token === live && !draining, 'started for a claim that has ended');
      if (message.key === undefined) continue;
      const log = partitions[delivery.partition]?.log.slice(0, Number(position)) ?? [];
      const earlier = log.find(({ id, key }) => key === message.key && !finished.has(id) && !wasBuried(id));
      assert.equal(earlier, undefined, `${message.id} started before ${earlier?.id} was finished`);
    }
  };
  const run = async (one: Step): Promise<void> => {
    if (one === 'flush') await setImmediate();
    else if (one === 'pause') intake.pause('test');
    else if (one === 'resume') intake.resume('test');
    else if (one === 'fail-dead-letters') rig.failDeadLetters(2);
    else if ('advance' in one) await rig.clock.advance(one.advance);
    else if ('end' in one) end(rig.running[one.end % Math.max(1, rig.running.length)], one.as);
    else {
      const chosen = partitions[one.partition];
      if (chosen === undefined) return;
      if ('fetch' in one) fetch(chosen, one.fetch);
      else changeClaim(chosen, one.partition, one.claim);
    }
  };
  /** Everything goes well from here on; true when all is committed. */
  const heal = async (): Promise<boolean> => {
    intake.resume('test');
    for (const [number, one] of partitions.entries()) {
      if (one.draining) changeClaim(one, number, 'time-up');
      assign(one, number);
      fetch(one, logLength);
    }
    for (const delivery of rig.running) end(delivery, ack);
    await rig.clock.advance(31_000);
    check();
    return partitions.every(({ committed, log }) => committed === log.length - 1);
  };
  /** Closes while things are as they are: nothing starts any more, and nothing is settled once it has closed. */
  const close = async (endings: readonly number[]): Promise<void> => {
    const { deliveries, running, intake, clock } = rig;
    const started = deliveries.length;
    const wereRunning = running.length;
    const closing = intake.close(1_000).then((result) => {
      for (const one of partitions) one.live = undefined;
      return result;
    });
    for (const ending of endings) {
      end(rig.running[ending % Math.max(1, rig.running.length)], ack);
      await clock.advance(20);
      assert.deepEqual(violations, []);
    }
    await clock.advance(1_000);
    assert.ok((await closing).abandoned <= wereRunning);
    for (const delivery of rig.running) {
      assert.ok(delivery.signal.aborted);
      end(delivery, ack);
    }
    await clock.advance(0);
    assert.deepEqual(violations, []);
    assert.equal(deliveries.length, started);
  };
  return { rig, run, check, heal, close };
};

describe('an intake under any interleaving', () => {
  it('closes at any moment without starting or settling anything after', async () => {
    await fc.assert(
      fc.asyncProperty(
        logs,
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.array(fc.nat({ max: 10 }), { maxLength: 4 }),
        async (keys, steps, endings) => {
          const { rig, run, close } = createWorld(keys);
          for (const one of steps) await run(one);
          await close(endings);
          assert.equal(rig.intake.inFlight, 0);
          assert.equal(rig.clock.timers, 0);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('PB3 PB4: of fetches, settlements, pauses and claims that come and go keeps order, commits only what is finished and only for the claim that stands, and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.array(step, { maxLength: 150, size: 'max' }), async (keys, steps) => {
        const { rig, run, check, heal } = createWorld(keys);
        for (const one of steps) {
          await run(one);
          check();
        }
        let rounds = 0;
        while (!(await heal())) assert.ok(++rounds < 100, 'it does not move on');
        assert.equal(rig.intake.inFlight, 0);
        assert.deepEqual(await rig.intake.close(1_000), { abandoned: 0 });
        assert.equal(rig.clock.timers, 0);
      }),
      { numRuns: 150 },
    );
  });
});
