import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { RateLimitedError } from '@holdfast/policies';
import type { AttemptEnd } from '../src/attempt.ts';
import type { BatchEnd, BatchMember } from '../src/batch-attempt.ts';
import { createBatchRoute } from '../src/batch-route.ts';
import { InboxUnavailableError } from '../src/errors.ts';
import { createRunningHandlers } from '../src/running-handlers.ts';
import { aDelivery, aMessage } from './a-delivery.ts';
import { OrderPlaced } from './contracts.ts';

const acked: AttemptEnd = { end: 'acked' };
const never = new AbortController().signal;

/** A route whose batches end as `runBatch` says; remembers the ids of each. */
const setUp = (endOf: (ids: readonly string[]) => BatchEnd | Promise<BatchEnd>) => {
  const batches: string[][] = [];
  const running = createRunningHandlers();
  const runBatch = async (members: readonly BatchMember[]) => {
    const ids = members.map(({ delivery }) => delivery.message.id);
    batches.push(ids);
    return endOf(ids);
  };
  const route = createBatchRoute(
    OrderPlaced,
    { maxSize: 3 },
    { runBatch, mayStart: running.mayStart, hasTime: (spentMs) => spentMs < 100 },
  );
  const run = (id: string, attempt = 1, signal = never) =>
    route.run({}, aDelivery({ message: aMessage({ id }), attempt, signal }), 0);
  return { batches, run, running };
};

const handled = (ids: readonly string[]): BatchEnd => ({ end: 'handled', members: ids.map(() => acked) });
const failed = (error: unknown): BatchEnd => ({ end: 'failed', error, hadEffect: false, tookMs: 0 });

describe('the route of a batch handler', () => {
  it('handles together what is there together, up to the largest batch', async () => {
    const { batches, run } = setUp(handled);
    const ends = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => run(id)));
    assert.deepEqual(batches, [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
    assert.deepEqual(ends, Array(5).fill(acked));
  });

  it('does not hand over alone what its failed batch has left no time', async () => {
    const { batches, run } = setUp(() => ({ ...failed(new Error('slow')), tookMs: 100 }));
    const ends = await Promise.all(['a', 'b'].map((id) => run(id)));
    assert.deepEqual(batches, [['a', 'b']]);
    assert.deepEqual(
      ends.map((end) => end.end === 'failed' && end.tookMs),
      [100, 100],
    );
  });

  it('P8: hands over the members of a failed batch again, alone and in order, so that one fails alone', async () => {
    const { batches, run } = setUp((ids) => (ids.includes('b') ? failed(new Error('poison')) : handled(ids)));
    const ends = await Promise.all(['a', 'b', 'c'].map((id) => run(id)));
    assert.deepEqual(batches, [['a', 'b', 'c'], ['a'], ['b'], ['c']]);
    assert.deepEqual(
      ends.map(({ end }) => end),
      ['acked', 'failed', 'acked'],
    );
  });

  it('handles alone what has failed before', async () => {
    const { batches, run } = setUp(handled);
    await Promise.all([run('a'), run('b', 2), run('c')]);
    assert.deepEqual(batches.sort(), [['a', 'c'], ['b']]);
  });

  const sameForAll: readonly [when: string, error: Error][] = [
    ['the inbox cannot be used', new InboxUnavailableError(new Error('ECONNREFUSED'))],
    ['a policy let it call nothing', new RateLimitedError('bank', 800)],
  ];
  for (const [when, error] of sameForAll) {
    it(`does not go through the members one by one when ${when}`, async () => {
      const { batches, run } = setUp(() => failed(error));
      const ends = await Promise.all(['a', 'b'].map((id) => run(id)));
      assert.deepEqual(batches, [['a', 'b']]);
      assert.deepEqual(
        ends.map(({ end }) => end),
        ['failed', 'failed'],
      );
    });
  }

  it('leaves out what lost its claim while it waited for the batch before', async () => {
    const first = Promise.withResolvers<void>();
    const { batches, run } = setUp(async (ids) => {
      if (ids.includes('a')) await first.promise;
      return handled(ids);
    });
    const claim = new AbortController();
    const running = run('a');
    await setImmediate();
    const waiting = [run('b'), run('c', 1, claim.signal), run('d')];
    claim.abort();
    first.resolve();
    assert.deepEqual(
      (await Promise.all([running, ...waiting])).map(({ end }) => end),
      ['acked', 'acked', 'notStarted', 'acked'],
    );
    assert.deepEqual(batches, [['a'], ['b', 'd']]);
  });

  it('P7: starts no batch, and none of the members of a failed one, when no handler may start any more', async () => {
    const { batches, run, running } = setUp((ids) => {
      running.shut();
      return failed(new Error(`busy with ${ids}`));
    });
    const ends = await Promise.all(['a', 'b', 'c', 'd'].map((id) => run(id)));
    assert.deepEqual(batches, [['a', 'b', 'c']]);
    assert.deepEqual(
      ends.map(({ end }) => end),
      ['notStarted', 'notStarted', 'notStarted', 'notStarted'],
    );
  });

  it('refuses a size that cannot be', () => {
    const parts = { runBatch: async () => handled([]), mayStart: () => true, hasTime: () => true };
    for (const maxSize of [0, 1.5, Number.NaN]) {
      assert.throws(() => createBatchRoute(OrderPlaced, { maxSize }, parts), /maxSize: found/);
    }
  });
});
