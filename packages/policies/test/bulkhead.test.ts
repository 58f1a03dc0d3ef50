import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { type BulkheadState, bulkhead, combine, timeout } from '@holdfast/policies';
import fc from 'fast-check';

const never = new AbortController().signal;

/** An operation that runs until it is told to end. */
const held = () => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { operation: () => promise, end: () => resolve('done'), fail: () => reject(new Error('failed')) };
};

describe('bulkhead', () => {
  it('runs so many at once, lets so many more wait in order, and rejects the rest', async () => {
    const policy = bulkhead({ slots: 2, queue: 2 });
    const begun: number[] = [];
    const holds = Array.from({ length: 5 }, held);
    const results = holds.map(({ operation }, index) =>
      policy(() => {
        begun.push(index);
        return operation();
      }, never),
    );
    await assert.rejects(results[4] as Promise<string>, { code: 'bulkhead_full', retryable: true, tenant: undefined });
    assert.deepEqual(policy.state, { name: 'full', running: 2, waiting: 2, rejected: 1 });
    holds[1]?.fail();
    await assert.rejects(results[1] as Promise<string>, /failed/);
    await setImmediate();
    assert.deepEqual(begun, [0, 1, 2]);
    for (const { end } of holds) end();
    await Promise.all([results[0], results[2], results[3]]);
    assert.deepEqual(begun, [0, 1, 2, 3]);
    assert.deepEqual(policy.state, { name: 'free', running: 0, waiting: 0, rejected: 1 });
    assert.equal(getEventListeners(never, 'abort').length, 0);
  });

  it('lets waiting calls go when their signal aborts, and has one listener on it', async () => {
    const policy = bulkhead({ slots: 1, queue: 5 });
    const first = held();
    const running = policy(first.operation, never);
    const caller = new AbortController();
    let ran = 0;
    const run = async (): Promise<void> => void ran++;
    const waiting = [1, 2, 3].map(() => policy(run, caller.signal).catch((error: unknown) => error));
    assert.equal(getEventListeners(caller.signal, 'abort').length, 1);
    caller.abort('enough');
    assert.deepEqual(await Promise.all(waiting), ['enough', 'enough', 'enough']);
    assert.equal(policy.state.waiting, 0);

    first.end();
    await running;
    assert.equal(ran, 0);
  });

  it('does not run what is aborted between its turn and its run, and gives its slot back', async () => {
    const policy = bulkhead({ slots: 1, queue: 1 });
    const first = held();
    const running = policy(first.operation, never);
    const caller = new AbortController();
    let ran = false;
    const next = policy(async () => {
      ran = true;
    }, caller.signal).catch((error: unknown) => error);
    policy.onChange(({ name }) => name === 'waiting' && caller.abort('too late'));
    first.end();
    await running;
    assert.equal(await next, 'too late');
    assert.deepEqual([ran, policy.state.running, getEventListeners(caller.signal, 'abort').length], [false, 0, 0]);
  });

  it('does not run what a timeout around it ended while it waited', async () => {
    const slots = bulkhead({ slots: 1, queue: 1 });
    const first = held();
    const running = slots(first.operation, never);
    let ran = false;
    const bounded = combine(timeout({ timeoutMs: 5 }), slots);
    await assert.rejects(
      bounded(async () => {
        ran = true;
      }, never),
      { code: 'timeout' },
    );
    first.end();
    await running;
    assert.deepEqual([ran, slots.state.running], [false, 0]);
  });

  it('tells its listeners when the next call would wait, be rejected, or run again, and sets the gauge', async () => {
    const gauges: number[] = [];
    const meter = { count: () => {}, gauge: (_: string, value: number) => void gauges.push(value), record: () => {} };
    const policy = bulkhead({ slots: 1, queue: 1, runtime: { meter } });
    const seen: BulkheadState['name'][] = [];
    const stop = policy.onChange(({ name }) => seen.push(name));
    const holds = [held(), held()];
    const results = holds.map(({ operation }) => policy(operation, never));
    for (const { end } of holds) end();
    await Promise.all(results);
    assert.deepEqual(seen, ['waiting', 'full', 'waiting', 'free']);
    assert.deepEqual(gauges, [1, 0]);
    stop();
    await policy(async () => {}, never);
    assert.equal(seen.length, 4);
  });

  it('refuses options that cannot work', () => {
    for (const [options, option] of [
      [{ slots: 0 }, 'slots'],
      [{ slots: 1.5 }, 'slots'],
      [{ slots: 1, queue: -1 }, 'queue'],
    ] as const) {
      assert.throws(() => bulkhead(options), { code: 'invalid_option', option });
    }
  });

  it('PB5, V14: under any calls, ends and aborts never runs too many, serves in order, and settles each call once', async () => {
    interface Call {
      readonly caller: AbortController;
      readonly hold: ReturnType<typeof held>;
      outcome: 'waiting' | 'running' | 'done' | 'failed' | 'aborted' | 'rejected';
      readonly ends: string[];
    }
    const act = fc.oneof(
      { weight: 3, arbitrary: fc.constant(['call', 0] as const) },
      { weight: 2, arbitrary: fc.nat(30).map((which) => ['end', which] as const) },
      { weight: 1, arbitrary: fc.nat(30).map((which) => ['fail', which] as const) },
      { weight: 1, arbitrary: fc.nat(30).map((which) => ['abort', which] as const) },
    );
    const limits = fc.record({ slots: fc.integer({ min: 1, max: 3 }), queue: fc.integer({ min: 0, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(limits, fc.array(act, { maxLength: 60 }), async ({ slots, queue }, acts) => {
        const policy = bulkhead({ slots, queue });
        const calls: Call[] = [];
        const of = (outcome: Call['outcome']): Call[] => calls.filter((call) => call.outcome === outcome);
        /** Who should run now, of those that the model has waiting. */
        const promote = (): void => {
          for (const call of of('waiting').slice(0, slots - of('running').length)) call.outcome = 'running';
        };
        const began: Call[] = [];
        const begin = (): void => {
          const call: Call = { caller: new AbortController(), hold: held(), outcome: 'waiting', ends: [] };
          if (of('running').length === slots && of('waiting').length === queue) call.outcome = 'rejected';
          calls.push(call);
          policy(() => {
            began.push(call);
            return call.hold.operation();
          }, call.caller.signal).then(
            () => call.ends.push('done'),
            (error: { readonly code?: string }) =>
              call.ends.push(
                error.code === 'bulkhead_full' ? 'rejected' : error instanceof Error ? 'failed' : 'aborted',
              ),
          );
        };
        for (const [what, which] of acts) {
          const pool = what === 'abort' ? of('waiting') : of('running');
          const call = pool[which % Math.max(1, pool.length)];
          if (what === 'call') begin();
          else if (call !== undefined) {
            call.outcome = { end: 'done', fail: 'failed', abort: 'aborted' }[what] as Call['outcome'];
            ({ end: call.hold.end, fail: call.hold.fail, abort: () => call.caller.abort('gone') })[what]();
          }
          promote();
          await setImmediate();
          const { running, waiting, rejected } = policy.state;
          assert.deepEqual(
            [running, waiting, rejected],
            [of('running').length, of('waiting').length, of('rejected').length],
          );
          assert.ok(running <= slots && waiting <= queue);
        }
        for (const call of [...of('running'), ...of('waiting')]) call.outcome = 'done';
        for (const { hold } of calls) hold.end();
        for (let turn = 0; turn <= queue; turn++) await setImmediate();
        assert.deepEqual(
          calls.map(({ ends }) => ends),
          calls.map(({ outcome }) => [outcome]),
        );
        const order = began.map((call) => calls.indexOf(call));
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        );
        assert.deepEqual([policy.state.running, policy.state.waiting], [0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});
