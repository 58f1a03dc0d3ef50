import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createVirtualClock } from '@holdfast/core';
import { createLanes, type Turn } from '@holdfast/flow';
import fc from 'fast-check';

interface Item {
  readonly key: string | undefined;
  readonly number: number;
}

const done: Turn = { turn: 'done' };

/** Lanes whose runs wait to be ended by the test. */
const gated = (concurrency: number) => {
  const clock = createVirtualClock();
  const running = new Map<Item, (turn: Turn) => void>();
  const started: Item[] = [];
  const errors: unknown[] = [];
  const lanes = createLanes<Item>({
    concurrency,
    laneOf: ({ key }) => key,
    clock,
    onError: (error) => errors.push(error),
    run: (item) => {
      started.push(item);
      return new Promise((resolve) => running.set(item, resolve));
    },
  });
  const end = async (item: Item, turn: Turn = done): Promise<void> => {
    running.get(item)?.(turn);
    running.delete(item);
    await setImmediate();
  };
  return { lanes, clock, running, started, end };
};

const item = (key: string | undefined, number: number): Item => ({ key, number });

describe('lanes', () => {
  it('run one key one after another and different keys at once', async () => {
    const { lanes, started, end } = gated(10);
    const [a1, a2, b1] = [item('a', 1), item('a', 2), item('b', 1)];
    for (const one of [a1, a2, b1]) lanes.push(one);
    assert.deepEqual(started, [a1, b1]);
    await end(a1);
    assert.deepEqual(started, [a1, b1, a2]);
  });

  it('run items without a key as they come', () => {
    const { lanes, started } = gated(10);
    for (const number of [1, 2, 3]) lanes.push(item(undefined, number));
    assert.equal(started.length, 3);
  });

  it('run at most as many as their concurrency, and let ready keys take turns', async () => {
    const { lanes, started, end } = gated(1);
    const [a1, a2, a3, b1] = [item('a', 1), item('a', 2), item('a', 3), item('b', 1)];
    for (const one of [a1, a2, a3, b1]) lanes.push(one);
    await end(a1);
    await end(b1);
    assert.deepEqual(started, [a1, b1, a2]);
    assert.equal(lanes.running, 1);
  });

  it('hold up only the lane of an item that waits for its delay, and take no slot for it', async () => {
    const { lanes, started, end, clock } = gated(1);
    const [a1, a2, b1] = [item('a', 1), item('a', 2), item('b', 1)];
    for (const one of [a1, a2, b1]) lanes.push(one);
    await end(a1, { turn: 'again', delayMs: 1_000 });
    assert.equal(lanes.waiting, 1);
    await end(b1);
    await clock.advance(999);
    assert.deepEqual(started, [a1, b1]);
    await clock.advance(1);
    assert.deepEqual(started, [a1, b1, a1]);
    await end(a1);
    assert.deepEqual(started, [a1, b1, a1, a2]);
  });

  it('start nothing while paused and go on after', async () => {
    const { lanes, started, end } = gated(2);
    const [a1, a2] = [item('a', 1), item('a', 2)];
    lanes.push(a1);
    lanes.pause();
    lanes.push(a2);
    await end(a1);
    assert.deepEqual(started, [a1]);
    lanes.resume();
    assert.deepEqual(started, [a1, a2]);
  });

  it('give back what does not run, the delayed included, and cancel its timer', async () => {
    const { lanes, started, end, clock } = gated(2);
    const [a1, a2, b1, b2, c1] = [item('a', 1), item('a', 2), item('b', 1), item('b', 2), item('c', 1)];
    for (const one of [a1, a2, b1, b2, c1]) lanes.push(one);
    await end(b1, { turn: 'again', delayMs: 5 });
    assert.deepEqual(
      lanes.drop(({ number }) => number === 1).map(({ key }) => key),
      ['b'],
    );
    assert.equal(clock.timers, 0);
    assert.deepEqual(started, [a1, b1, c1]);
    await end(a1);
    await end(c1);
    assert.deepEqual(started, [a1, b1, c1, b2, a2]);
  });

  it('report a run that throws or rejects and go on with the lane', async () => {
    const errors: [unknown, Item][] = [];
    const lanes = createLanes<Item>({
      concurrency: 1,
      laneOf: ({ key }) => key,
      clock: createVirtualClock(),
      onError: (error, failed) => errors.push([error, failed]),
      run: ({ number }) => {
        if (number === 1) throw new Error('thrown');
        return number === 2 ? Promise.reject(new Error('rejected')) : Promise.resolve(done);
      },
    });
    for (const number of [1, 2, 3]) lanes.push(item('a', number));
    await lanes.idle();
    assert.deepEqual(
      errors.map(([, failed]) => failed.number),
      [1, 2],
    );
    assert.equal(lanes.running, 0);
  });

  it('PB4: any mix of keys, delays, pauses and drops keeps each key serial and in order, within the concurrency, and ends empty', async () => {
    const keys = fc.constantFrom('a', 'b', 'c', undefined);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ push: keys }) },
      { weight: 4, arbitrary: fc.record({ end: fc.nat(), delayMs: fc.option(fc.integer({ min: 0, max: 20 })) }) },
      { weight: 1, arbitrary: fc.constantFrom('pause' as const, 'resume' as const) },
      { weight: 1, arbitrary: fc.record({ advance: fc.integer({ min: 0, max: 20 }) }) },
      { weight: 1, arbitrary: fc.record({ drop: keys }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 80, size: 'max' }),
        async (concurrency, steps) => {
          const { lanes, clock, running, started, end } = gated(concurrency);
          const inside: Item[] = [];
          let paused = false;
          const check = (): void => {
            assert.ok(lanes.running <= concurrency);
            assert.equal(lanes.running, running.size);
            const keysRunning = [...running.keys()].map(({ key }) => key).filter((key) => key !== undefined);
            assert.equal(new Set(keysRunning).size, keysRunning.length, 'two of one key run at once');
            for (const one of running.keys()) {
              const earlier = inside.find(
                ({ key, number }) => key !== undefined && key === one.key && number < one.number,
              );
              assert.equal(earlier, undefined, 'an earlier one of the key is not done');
            }
            assert.equal(lanes.size, inside.length);
          };
          const forget = (one: Item): void => {
            inside.splice(inside.indexOf(one), 1);
          };
          let number = 0;
          for (const one of steps) {
            if (one === 'pause') {
              lanes.pause();
              paused = true;
            } else if (one === 'resume') {
              lanes.resume();
              paused = false;
            } else if ('push' in one) {
              const next = item(one.push, ++number);
              inside.push(next);
              lanes.push(next);
            } else if ('advance' in one) await clock.advance(one.advance);
            else if ('drop' in one) {
              for (const dropped of lanes.drop(({ key }) => key === one.drop)) {
                assert.ok(!running.has(dropped));
                forget(dropped);
              }
            } else {
              const chosen = [...running.keys()][one.end % Math.max(1, running.size)];
              if (chosen === undefined) continue;
              const before = started.length;
              if (one.delayMs === null) forget(chosen);
              await end(chosen, one.delayMs === null ? done : { turn: 'again', delayMs: one.delayMs });
              if (paused) assert.equal(started.length, before, 'something started while paused');
            }
            check();
          }
          lanes.resume();
          await clock.advance(20);
          while (running.size > 0) {
            check();
            for (const one of [...running.keys()]) {
              forget(one);
              await end(one);
            }
            await clock.advance(20);
          }
          await lanes.idle();
          assert.equal(lanes.size, 0);
          assert.equal(clock.timers, 0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('PB4: a ready key waits for at most one run of every other key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 60 }), async (keys) => {
        const order: number[] = [];
        const lanes = createLanes<{ key: number }>({
          concurrency: 1,
          laneOf: ({ key }) => String(key),
          clock: createVirtualClock(),
          run: async ({ key }) => {
            order.push(key);
            return done;
          },
        });
        lanes.pause();
        for (const key of keys) lanes.push({ key });
        lanes.resume();
        await lanes.idle();
        for (const key of new Set(keys)) {
          const left = keys.filter((other) => other === key).length;
          const places = order.flatMap((other, at) => (other === key ? [at] : []));
          assert.equal(places.length, left);
          for (const [nth, at] of places.entries()) {
            const between = order.slice(nth === 0 ? 0 : (places[nth - 1] ?? 0) + 1, at);
            assert.equal(new Set(between).size, between.length, `key ${key} was overtaken twice`);
          }
        }
      }),
    );
  });
});
