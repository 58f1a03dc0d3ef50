import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { silentLog, systemClock } from '@holdfast/core';
import type { Row } from '@holdfast/postgres';
import type { OwnedPartition } from '../src/owned-partition.ts';
import { createReader, type ReaderOptions } from '../src/reader.ts';

const neverAborts = new AbortController().signal;

/** A partition with something to read and room for it. */
const aPartition = (holds: boolean, taken: Partial<OwnedPartition['taken']> = {}): OwnedPartition => ({
  topic: { id: 1, name: 'orders', partitions: 1 },
  scope: 'log:1:billing',
  lease: { slot: 0, epoch: '1', owner: 'us', takenOver: false, deaths: 0, signal: neverAborts, holds: () => holds },
  assignment: { topic: 'orders', partition: 0, token: '1' },
  taken: {
    push: () => {},
    room: () => 10,
    position: undefined,
    inFlight: 0,
    revoke: async () => 0,
    abandon: () => {},
    ...taken,
  },
  incarnation: 'i',
  cursor: { segment: 1, position: 0n },
  pending: 0,
  settledTo: '0',
  storedTo: '0',
  more: true,
  servedAt: 0,
});

const parts = (stop: AbortController): Omit<ReaderOptions, 'execute' | 'intake' | 'owned'> => ({
  shares: () => 1,
  maxInFlight: 100,
  clock: systemClock,
  log: silentLog,
  signal: stop.signal,
  isFatal: () => true,
  onRestarted: () => {},
});

/** A log without an end, whose answers come when they are let; of each statement, what it may bring at most. */
const anEndlessLog = () => {
  const asked: number[] = [];
  const answers: (() => void)[] = [];
  const execute = async (_text: string, values: readonly string[]): Promise<readonly Row[]> => {
    const [most, first] = [Number(values[5]), Number(String(values[3]).slice(1, -1)) + 1];
    asked.push(most);
    await new Promise<void>((resolve) => answers.push(resolve));
    const rows = Array.from({ length: most }, (_, n) => ({ at: '1', position: String(first + n), segment: null }));
    return [{ id: 'i' }, ...rows];
  };
  return { asked, execute, answer: () => answers.shift()?.() };
};

describe('the reader of the log', () => {
  it('lets timers fire while a lease is over that no timer has ended yet, as after a blocked event loop', async () => {
    const stop = new AbortController();
    const lapsed = aPartition(false);
    let looks = 0;
    const reader = createReader({
      ...parts(stop),
      execute: { schema: 'holdfast', execute: async () => [] },
      intake: { room: () => 10, reserve: (most) => most, unreserve: () => {} },
      owned: () => {
        // A reader that never lets go would let no timeout of the test fire either.
        if (++looks > 100) throw new Error('the reader looks again and again');
        return [lapsed];
      },
    });
    const ended = reader.run();
    await Promise.race([ended, setImmediate()]);
    stop.abort();
    await ended;
    assert.ok(looks < 10, `it looked ${looks} times`);
  });

  it('P5: asks for the next page before it hands one over, and for no more than the window holds with both', async () => {
    const stop = new AbortController();
    const { asked, execute, answer } = anEndlessLog();
    const pushed: string[] = [];
    const askedAtPush: number[] = [];
    let reserved = 0;
    const partition = aPartition(true, {
      push: ({ position }) => {
        reserved--;
        pushed.push(position);
        askedAtPush.push(asked.length);
      },
      get inFlight() {
        return pushed.length;
      },
    });
    const room = (): number => 100 - pushed.length - reserved;
    const reserve = (most: number): number => {
      const places = Math.min(most, room());
      reserved += places;
      return places;
    };
    const reader = createReader({
      ...parts(stop),
      execute: { schema: 'holdfast', execute },
      intake: {
        room,
        reserve,
        unreserve: (places) => {
          reserved -= places;
        },
      },
      owned: () => [partition],
    });
    const ended = reader.run();
    await setImmediate();
    assert.deepEqual(asked, [50]);
    answer();
    for (let turns = 0; turns < 5; turns++) await setImmediate();
    assert.deepEqual(asked, [50, 50]);
    assert.deepEqual(new Set(askedAtPush), new Set([2]));
    answer();
    for (let turns = 0; turns < 5; turns++) await setImmediate();
    assert.deepEqual(asked, [50, 50]);
    assert.deepEqual(
      pushed,
      Array.from({ length: 100 }, (_, n) => String(n + 1)),
    );
    assert.deepEqual([partition.pending, reserved], [0, 0]);
    stop.abort();
    await ended;
  });
});
