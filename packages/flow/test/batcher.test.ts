import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { type BatcherOptions, createBatcher } from '@holdfast/flow';
import fc from 'fast-check';

/** A batcher whose batches wait to be let go. */
const gated = (options: Omit<BatcherOptions<number, number>, 'run'>) => {
  const flights: {
    batch: readonly number[];
    land: (results?: readonly number[]) => void;
    fail: (error: Error) => void;
  }[] = [];
  const batcher = createBatcher<number, number>({
    ...options,
    run: (batch) =>
      new Promise((resolve, reject) => {
        flights.push({ batch, land: (results = batch.map((item) => item * 10)) => resolve(results), fail: reject });
      }),
  });
  return { batcher, flights };
};

const eventuallyFlies = async (flights: readonly unknown[], flight: number): Promise<void> => {
  for (let turn = 0; turn < 10 && flights.length <= flight; turn++) await setImmediate();
};

describe('a batcher', () => {
  it('makes what queued while the last batch flew the next batch', async () => {
    const { batcher, flights } = gated({ maxSize: 100 });
    const first = batcher.submit(1);
    await setImmediate();
    const rest = [2, 3, 4].map((item) => batcher.submit(item));
    await setImmediate();
    assert.deepEqual(
      flights.map(({ batch }) => batch),
      [[1]],
    );
    flights[0]?.land();
    assert.equal(await first, 10);
    await setImmediate();
    assert.deepEqual(flights[1]?.batch, [2, 3, 4]);
    flights[1]?.land();
    assert.deepEqual(await Promise.all(rest), [20, 30, 40]);
  });

  it('flies together what was submitted in one step, in batches of at most maxSize, inFlight at a time', async () => {
    const { batcher, flights } = gated({ maxSize: 2, inFlight: 2 });
    const all = [1, 2, 3, 4, 5].map((item) => batcher.submit(item));
    await setImmediate();
    assert.deepEqual(
      flights.map(({ batch }) => batch),
      [
        [1, 2],
        [3, 4],
      ],
    );
    assert.equal(batcher.flying, 2);
    assert.equal(batcher.queued, 1);
    flights[1]?.land();
    await setImmediate();
    assert.deepEqual(flights[2]?.batch, [5]);
    flights[0]?.land();
    flights[2]?.land();
    assert.deepEqual(await Promise.all(all), [10, 20, 30, 40, 50]);
  });

  it('takes what the end of a batch sets going into the next one where that begins at the end of the turn', async () => {
    const { batcher, flights } = gated({ maxSize: 100, begins: 'turn' });
    const again = async (item: number): Promise<void> => {
      for (let round = 0; round < 3; round++) await batcher.submit(item);
    };
    const callers = [again(1)];
    await setImmediate();
    // They come while another flies, and would be a group of their own for good.
    for (const item of [2, 3]) callers.push(again(item));
    for (let flight = 0; flight < 4; flight++) {
      await eventuallyFlies(flights, flight);
      flights[flight]?.land();
    }
    await Promise.all(callers);
    assert.deepEqual(
      flights.map(({ batch }) => batch.toSorted()),
      [[1], [1, 2, 3], [1, 2, 3], [2, 3]],
    );
  });

  it('fails every member of a failed batch, and only those', async () => {
    const { batcher, flights } = gated({ maxSize: 2 });
    const outcomes = Promise.allSettled([1, 2, 3].map((item) => batcher.submit(item)));
    await setImmediate();
    flights[0]?.fail(new Error('gone'));
    await setImmediate();
    flights[1]?.land();
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ['rejected', 'rejected', 'fulfilled'],
    );
  });

  it('gives nobody a result when their number is wrong', async () => {
    const { batcher, flights } = gated({ maxSize: 3 });
    const outcomes = [1, 2].map((item) => assert.rejects(batcher.submit(item), { code: 'batch_result' }));
    await setImmediate();
    flights[0]?.land([10]);
    await Promise.all(outcomes);
  });

  it('takes a run that throws before it returns a promise as a failed batch', async () => {
    const batcher = createBatcher<number, number>({
      maxSize: 3,
      run: () => {
        throw new Error('at once');
      },
    });
    await assert.rejects(batcher.submit(1), /at once/);
    await assert.rejects(batcher.submit(2), /at once/);
    assert.equal(batcher.flying, 0);
  });

  it('refuses by name what is above its capacity', async () => {
    const { batcher, flights } = gated({ maxSize: 1, capacity: 1 });
    const flying = batcher.submit(1);
    await setImmediate();
    const queued = batcher.submit(2);
    await assert.rejects(batcher.submit(3), { code: 'batcher_full', retryable: true });
    flights[0]?.land();
    await setImmediate();
    flights[1]?.land();
    assert.deepEqual(await Promise.all([flying, queued]), [10, 20]);
  });

  it('PB5: every submit ends exactly once with its own result, batches are in bounds, and idle comes at the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.record({ fails: fc.boolean() }), { maxLength: 30 }),
        async (scheduler, maxSize, inFlight, items) => {
          let flying = 0;
          const batcher = createBatcher<number, number>({
            maxSize,
            inFlight,
            run: async (batch) => {
              assert.ok(batch.length >= 1 && batch.length <= maxSize);
              assert.ok(++flying <= inFlight);
              await scheduler.schedule(Promise.resolve());
              flying--;
              if (batch.some((item) => items[item]?.fails)) throw new Error('a member fails');
              return batch.map((item) => item * 10);
            },
          });
          const ends = items.map(() => 0);
          const submits = items.map(async (_, at) => {
            await scheduler.schedule(Promise.resolve());
            try {
              assert.equal(await batcher.submit(at), at * 10);
            } catch (error) {
              assert.match(String(error), /a member fails/);
            }
            ends[at] = (ends[at] ?? 0) + 1;
          });
          await scheduler.waitFor(Promise.all(submits));
          await batcher.idle();
          await setImmediate();
          assert.deepEqual(
            ends,
            items.map(() => 1),
          );
          assert.equal(batcher.queued + batcher.flying, 0);
        },
      ),
      { numRuns: 100 },
    );
  });
});
