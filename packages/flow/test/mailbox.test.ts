import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createMailbox, type Overflow } from '@holdfast/flow';
import fc from 'fast-check';

const boxOf = (policy: 'block' | 'drop-newest' | 'drop-oldest' | 'fail', capacity = 2) =>
  createMailbox<number>({ capacity, overflow: { policy } });

describe('a mailbox', () => {
  it('hands out items in the order they came in, also to takers that were there first', async () => {
    const box = boxOf('block');
    const early = [box.take(), box.take()];
    for (const item of [1, 2, 3]) assert.equal(await box.offer(item), 'accepted');
    assert.deepEqual(await Promise.all([...early, box.take()]), [1, 2, 3]);
  });

  it('with block makes a sender wait for room', async () => {
    const box = boxOf('block', 1);
    await box.offer(1);
    const waiting = box.offer(2);
    assert.equal(box.size, 1);
    assert.equal(await box.take(), 1);
    assert.equal(await waiting, 'accepted');
    assert.equal(await box.take(), 2);
    assert.deepEqual(box.counters, { accepted: 2, dropped: 0, spilled: 0, failed: 0, blocked: 1 });
  });

  it('with drop-newest and drop-oldest says and counts what it threw away', async () => {
    const newest = boxOf('drop-newest');
    const oldest = boxOf('drop-oldest');
    for (const item of [1, 2]) await Promise.all([newest.offer(item), oldest.offer(item)]);
    assert.equal(await newest.offer(3), 'dropped-newest');
    assert.equal(await oldest.offer(3), 'accepted-dropping-oldest');
    assert.deepEqual([await newest.take(), await newest.take()], [1, 2]);
    assert.deepEqual([await oldest.take(), await oldest.take()], [2, 3]);
    assert.equal(newest.counters.dropped, 1);
    assert.equal(oldest.counters.dropped, 1);
  });

  it('with fail refuses by name', async () => {
    const box = boxOf('fail', 1);
    await box.offer(1);
    await assert.rejects(box.offer(2), { code: 'mailbox_full', retryable: true });
    assert.equal(box.counters.failed, 1);
  });

  it('with spill hands over what does not fit, and passes a failed spill on', async () => {
    const spilled: number[] = [];
    const box = createMailbox<number>({
      capacity: 1,
      overflow: {
        policy: 'spill',
        spill: async (item) => {
          if (item === 13) throw new Error('no disk');
          spilled.push(item);
        },
      },
    });
    await box.offer(1);
    assert.equal(await box.offer(2), 'spilled');
    await assert.rejects(box.offer(13), /no disk/);
    assert.deepEqual(spilled, [2]);
    assert.equal(box.counters.spilled, 1);
  });

  it('ends every wait when it closes, hands out what is inside and then refuses', async () => {
    const full = boxOf('block', 1);
    await full.offer(1);
    const sender = full.offer(2);
    const empty = boxOf('block');
    const taker = empty.take();
    full.close();
    empty.close();
    await assert.rejects(sender, { code: 'closed' });
    await assert.rejects(taker, { code: 'closed' });
    assert.equal(await full.take(), 1);
    await assert.rejects(full.take(), { code: 'closed' });
    await assert.rejects(full.offer(3), { code: 'closed' });
  });

  it('PB5: under any use holds at most its capacity, loses nothing uncounted, and ends every wait exactly once', async () => {
    const step = fc.oneof(
      fc.constant('offer' as const),
      fc.constant('take' as const),
      fc.constant('close' as const),
      fc.record({ abort: fc.nat() }),
    );
    const policies = fc.constantFrom('block', 'drop-newest', 'drop-oldest', 'fail', 'spill');
    await fc.assert(
      fc.asyncProperty(
        policies,
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 80, size: 'max' }),
        async (policy, capacity, steps) => {
          const spilled: number[] = [];
          const overflow: Overflow<number> =
            policy === 'spill' ? { policy, spill: async (item) => void spilled.push(item) } : { policy };
          const box = createMailbox<number>({ capacity, overflow });
          const waits: { ends: unknown[]; patience: AbortController }[] = [];
          const accepted: number[] = [];
          const taken: number[] = [];
          let sent = 0;
          const track = (start: (signal: AbortSignal) => Promise<unknown>): void => {
            const wait = { ends: [] as unknown[], patience: new AbortController() };
            waits.push(wait);
            start(wait.patience.signal).then(
              (end) => wait.ends.push(end),
              (error) => wait.ends.push(error),
            );
          };
          for (const one of steps) {
            if (one === 'offer') {
              const item = sent++;
              track(async (signal) => {
                const offered = await box.offer(item, signal);
                if (offered.startsWith('accepted')) accepted.push(item);
              });
            } else if (one === 'take') track(async (signal) => taken.push(await box.take(signal)));
            else if (one === 'close') box.close();
            else waits[one.abort % waits.length]?.patience.abort();
            assert.ok(box.size <= capacity);
            await setImmediate();
          }
          box.close();
          while (box.size > 0) taken.push(await box.take());
          await setImmediate();
          for (const { ends } of waits) assert.equal(ends.length, 1);
          assert.deepEqual(
            taken,
            taken.toSorted((a, b) => a - b),
          );
          const { counters } = box;
          assert.equal(counters.accepted, accepted.length);
          assert.equal(taken.length, accepted.length - (policy === 'drop-oldest' ? counters.dropped : 0));
          assert.equal(counters.spilled, spilled.length);
        },
      ),
      { numRuns: 100 },
    );
  });
});
