import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { createGate } from '../src/gate.ts';

describe('a gate', () => {
  it('lets many in together, or one alone, and everybody in the order of asking', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.boolean(), { maxLength: 12 }), async (scheduler, askers) => {
        const gate = createGate();
        const inside = new Set<number>();
        const entered: number[] = [];
        const passes = askers.map((alone, asker) => {
          const run = async (): Promise<number> => {
            inside.add(asker);
            entered.push(asker);
            if (alone) assert.equal(inside.size, 1);
            assert.ok([...inside].every((other) => other === asker || !askers[other]));
            await scheduler.schedule(Promise.resolve());
            inside.delete(asker);
            return asker;
          };
          return alone ? gate.alone(run) : gate.shared(run);
        });
        await scheduler.waitFor(Promise.all(passes));
        assert.deepEqual(entered, [...askers.keys()]);
      }),
    );
  });

  it('opens again after a failure', async () => {
    const gate = createGate();
    await assert.rejects(gate.alone(() => Promise.reject(new Error('no'))));
    assert.equal(await gate.shared(async () => setImmediate(1)), 1);
  });
});
