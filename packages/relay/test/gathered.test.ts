import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { gathered } from '../src/gathered.ts';

describe('what is gathered', () => {
  it('is run together when it was asked for in one turn of the event loop, and answered in order', async () => {
    const runs: (readonly number[])[] = [];
    const double = gathered(async (asks: readonly number[]) => {
      runs.push(asks);
      return asks.map((ask) => ask * 2);
    });
    const later = Promise.resolve().then(() => double(3));
    assert.deepEqual(await Promise.all([double(1), double(2), later]), [2, 4, 6]);
    assert.equal(await double(4), 8);
    assert.deepEqual(runs, [[1, 2, 3], [4]]);
  });

  it('does not wait for what is under way', async () => {
    const gates = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    let runs = 0;
    const ask = gathered(async () => [await gates[runs++]?.promise]);
    const first = ask('a');
    await setImmediate();
    const second = ask('b');
    await setImmediate();
    assert.equal(runs, 2);
    gates[1]?.resolve(2);
    assert.equal(await second, 2);
    gates[0]?.resolve(1);
    assert.equal(await first, 1);
  });

  it('fails together, and goes on afterwards', async () => {
    let fails = true;
    const ask = gathered(async (asks: readonly string[]) => {
      if (fails) throw new Error('no answer');
      return asks;
    });
    const results = await Promise.allSettled([ask('a'), ask('b')]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    fails = false;
    assert.equal(await ask('c'), 'c');
  });
});
