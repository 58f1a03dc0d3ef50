import assert from 'node:assert/strict';
import { createVirtualClock } from '@holdfast/core';
import fc from 'fast-check';
import { createDeadlines, type Timed } from '../src/deadlines.ts';

interface Named extends Timed {
  readonly name: number;
}

const named = (name: number): Named => ({ name, dueAt: 0, earlier: undefined, later: undefined });

describe('deadlines', () => {
  it('fall due for exactly those that were not removed, at their time, in the order they were added', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const) }),
      fc.record({ do: fc.constant('remove' as const), which: fc.nat(20) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const clock = createVirtualClock();
        const due: [name: number, atMs: number][] = [];
        const deadlines = createDeadlines<Named>({
          clock,
          lengthMs: 100,
          onDue: ({ name }) => due.push([name, clock.monotonic()]),
        });
        const added: { readonly timed: Named; readonly dueAt: number; removed: boolean }[] = [];
        for (const next of steps) {
          const one = next.do === 'remove' ? added[next.which] : undefined;
          if (next.do === 'wait') await clock.advance(next.ms);
          else if (next.do === 'add') {
            const timed = named(added.length);
            deadlines.add(timed);
            added.push({ timed, dueAt: clock.monotonic() + 100, removed: false });
          } else if (one !== undefined) {
            deadlines.remove(one.timed);
            if (one.dueAt > clock.monotonic()) one.removed = true;
          }
        }
        await clock.advance(1_000);
        const expected = added.filter(({ removed }) => !removed).map(({ timed, dueAt }) => [timed.name, dueAt]);
        assert.deepEqual(due, expected);
        assert.equal(clock.timers, 0);
      }),
      { numRuns: 200 },
    );
  });

  it('set one timer however many there are', () => {
    const clock = createVirtualClock();
    const deadlines = createDeadlines<Named>({ clock, lengthMs: 100, onDue: () => {} });
    for (let name = 0; name < 1_000; name++) deadlines.add(named(name));
    assert.equal(clock.timers, 1);
  });

  it('let go of the timer at rest, but not while something is timed', () => {
    const clock = createVirtualClock();
    const deadlines = createDeadlines<Named>({ clock, lengthMs: 100, onDue: () => {} });
    const timed = named(1);
    deadlines.add(timed);
    deadlines.rest();
    assert.equal(clock.timers, 1);
    deadlines.remove(timed);
    deadlines.rest();
    assert.equal(clock.timers, 0);
  });

  it('take a new one while one falls due', async () => {
    const clock = createVirtualClock();
    const due: number[] = [];
    const deadlines = createDeadlines<Named>({
      clock,
      lengthMs: 100,
      onDue: ({ name }) => {
        due.push(name);
        if (name < 3) deadlines.add(named(name + 1));
      },
    });
    deadlines.add(named(1));
    await clock.advance(1_000);
    assert.deepEqual(due, [1, 2, 3]);
  });
});
