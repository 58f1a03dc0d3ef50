import assert from 'node:assert/strict';
import type { AttemptEnd } from '../src/attempt.ts';
import type { BatchEnd, BatchMember } from '../src/batch-attempt.ts';
import { createBatchRoute } from '../src/batch-route.ts';
import { InboxUnavailableError } from '../src/errors.ts';
import { aDelivery, aMessage } from './a-delivery.ts';
import { OrderPlaced } from './contracts.ts';

const acked: AttemptEnd = { end: 'acked' };

/** A route whose batches end as `runBatch` says; remembers the ids of each. */
const setUp = (runBatch: (ids: readonly string[]) => BatchEnd) => {
  const batches: string[][] = [];
  const route = createBatchRoute(OrderPlaced, { maxSize: 3 }, async (members: readonly BatchMember[]) => {
    const ids = members.map(({ delivery }) => delivery.message.id);
    batches.push(ids);
    return runBatch(ids);
  });
  const run = (id: string, attempt = 1) => route.run({}, aDelivery({ message: aMessage({ id }), attempt }), 0);
  return { batches, run };
};

const handled = (ids: readonly string[]): BatchEnd => ({ end: 'handled', members: ids.map(() => acked) });
const failed = (error: unknown): BatchEnd => ({ end: 'failed', error, hadEffect: false });

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

  it('does not go through the members one by one when the inbox cannot be used', async () => {
    const { batches, run } = setUp(() => failed(new InboxUnavailableError(new Error('ECONNREFUSED'))));
    const ends = await Promise.all(['a', 'b'].map((id) => run(id)));
    assert.deepEqual(batches, [['a', 'b']]);
    assert.deepEqual(
      ends.map(({ end }) => end),
      ['failed', 'failed'],
    );
  });

  it('refuses a size that cannot be', () => {
    for (const maxSize of [0, 1.5, Number.NaN]) {
      assert.throws(() => createBatchRoute(OrderPlaced, { maxSize }, async () => handled([])), /maxSize: found/);
    }
  });
});
