import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, type Clock, type Settlement, systemClock } from '@holdfast/core';
import { type Database, pgDatabase } from '@holdfast/postgres';
import { postgresTransport } from '@holdfast/transport-postgres';
import type { PoolClient } from 'pg';
import { eventually } from '../../harness/index.ts';
import { messagesOf, openTestLog, type TestLog } from './test-log.ts';

interface Sleeper {
  readonly clock: Clock;
  readonly database: Database<PoolClient>;
  /** Its clock stands still, or has jumped, and no timer of more than 100 ms fires; its beats get no answer. */
  sleep(jumpMs?: number): void;
  /** What has fallen due meanwhile happens. */
  wake(): void;
}

/** A process as it is when it has been stopped: it does not know how late it is. */
const createSleeper = (database: Database<PoolClient>): Sleeper => {
  let sleptAt: number | undefined;
  const due: (() => void)[] = [];
  const awake = (): boolean => sleptAt === undefined;
  return {
    clock: {
      now: systemClock.now,
      monotonic: () => sleptAt ?? systemClock.monotonic(),
      after: (delayMs, callback) =>
        systemClock.after(delayMs, () => {
          if (awake() || delayMs <= 100) callback();
          else due.push(callback);
        }),
    },
    database: {
      ...database,
      execute: (text, values, options) =>
        awake() || !/lease_beat|lease_release/.test(text)
          ? database.execute(text, values, options)
          : new Promise(() => {}),
    },
    sleep: (jumpMs = 0) => {
      sleptAt = systemClock.monotonic() + jumpMs;
    },
    wake: () => {
      sleptAt = undefined;
      for (const callback of due.splice(0)) callback();
    },
  };
};

describe('an owner whose time is over and that does not know', () => {
  let log: TestLog;
  before(async () => {
    log = await openTestLog();
  });
  after(() => log.close());

  it('P3: moves nothing, whatever it settles, once it has been replaced', async () => {
    const sleeper = createSleeper(pgDatabase(log.pool));
    const old = postgresTransport({
      database: sleeper.database,
      runtime: { ...log.runtime, clock: sleeper.clock },
      leaseMs: 600,
      topics: { t: { partitions: 1 } },
    });
    const [oldGate, newGate] = [Promise.withResolvers<Settlement>(), Promise.withResolvers<Settlement>()];
    const tokens: string[] = [];
    const options = { group: 'g', from: 'earliest' } as const;
    await old.subscribe(
      ['t'],
      ({ token }) => {
        tokens.push(token);
        return oldGate.promise;
      },
      options,
    );
    await old.publish('t', messagesOf(3, 3));
    await eventually(() => assert.equal(tokens.length, 3));
    sleeper.sleep();
    await log.open({ leaseMs: 600 }).subscribe(
      ['t'],
      ({ token }) => {
        tokens.push(token);
        return newGate.promise;
      },
      options,
    );
    await eventually(() => assert.equal(tokens.length, 6));
    assert.ok(Number(tokens[3]) > Number(tokens[0]), `${tokens}`);
    oldGate.resolve(ack);
    const lag = async (): Promise<number | undefined> => (await old.topology.describe('t')).groups[0]?.lag;
    for (let look = 0; look < 10; look++) {
      assert.equal(await lag(), 3);
      await sleep(30);
    }
    newGate.resolve(ack);
    await eventually(async () => assert.equal(await lag(), 0));
    sleeper.wake();
    await old.close({ deadlineMs: 500 });
  });

  it('P3: starts nothing more, although no timer has told it', async () => {
    const sleeper = createSleeper(pgDatabase(log.pool));
    const transport = postgresTransport({
      database: sleeper.database,
      runtime: { ...log.runtime, clock: sleeper.clock },
      leaseMs: 2_000,
      topics: { late: { partitions: 1 } },
    });
    const gate = Promise.withResolvers<Settlement>();
    const started: string[] = [];
    const signals: AbortSignal[] = [];
    await transport.subscribe(
      ['late'],
      ({ message, signal }) => {
        started.push(message.id);
        signals.push(signal);
        return gate.promise;
      },
      { group: 'g', from: 'earliest', concurrency: 2 },
    );
    await transport.publish('late', messagesOf(20, 20));
    await eventually(() => assert.equal(started.length, 2));
    sleeper.sleep(2_000);
    gate.resolve(ack);
    await eventually(() => assert.ok(signals.every((signal) => signal.aborted)));
    assert.equal(started.length, 2);
    sleeper.wake();
    await transport.close({ deadlineMs: 500 });
  });
});
