import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, eventually, spawnChild } from '../../harness/index.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';
import type { RelayProcessOptions } from './relay-process.ts';
import { copiesIn, violationsOf } from './violations.ts';
import { addSome, runWriters } from './writers.ts';

const relayProcess = new URL('relay-process.ts', import.meta.url);
const leaseMs = 1_000;

const drained = (world: OutboxWorld): Promise<void> =>
  eventually(async () => assert.equal(await world.count('select count(*) from holdfast.outbox'), 0), {
    timeoutMs: 20_000,
  });

describe('the relay under writers and held transactions', () => {
  let world: OutboxWorld;
  let relays: Child[];

  beforeEach(async () => {
    world = await openOutboxWorld();
    relays = [];
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.close()));
    await world.close();
  });

  const startRelay = (options: Pick<RelayProcessOptions, 'failsSuffix' | 'latencyMs'>): void => {
    const name = `relay ${relays.length}`;
    relays.push(spawnChild(relayProcess, [JSON.stringify({ url: world.url, name, leaseMs, ...options })]));
  };

  for (const failsSuffix of [false, true]) {
    it(`T1, P2, P3: loses nothing and keeps order while relays are killed (failsSuffix ${failsSuffix})`, async function () {
      this.timeout(60_000);
      const snapshot = await world.session();
      await snapshot.query('begin isolation level repeatable read; select count(*) from harness_entries');
      const held = await world.pool.connect();
      await held.query('begin');
      await addSome(world.outbox, held, ['held', 'key 1000']);
      const stopWriting = new AbortController();
      const writing = runWriters(world, { writers: 16, keys: 40, holdMs: 300, signal: stopWriting.signal });

      startRelay({ failsSuffix, latencyMs: 20 });
      for (let killed = 0; killed < 8; killed++) {
        startRelay({ failsSuffix, latencyMs: 20 });
        await sleep(300 + Math.random() * 700);
        await relays[killed]?.close();
      }
      startRelay({ failsSuffix, latencyMs: 20 });
      // From here on nobody begins again at the beginning: what becomes visible late must be found by looking back.
      await eventually(
        async () =>
          assert.equal(
            await world.count(
              'select count(distinct owner) from holdfast.leases where expires_at > now() and not releasing',
            ),
            2,
          ),
        { timeoutMs: 20_000 },
      );
      await sleep(leaseMs);
      stopWriting.abort();
      await writing;
      await sleep(200);
      await held.query('commit');
      held.release();
      await drained(world);
      await snapshot.query('commit');

      assert.ok((await world.count("select count(*) from harness_entries where f = 'publish'")) > 500);
      assert.deepEqual(await violationsOf(world.url), []);
    });
  }

  it('hands every row over exactly once where nothing fails', async function () {
    this.timeout(30_000);
    const stopWriting = new AbortController();
    const writing = runWriters(world, { writers: 16, keys: 100, holdMs: 100, signal: stopWriting.signal });
    startRelay({ failsSuffix: false, latencyMs: 5 });
    await sleep(4_000);
    stopWriting.abort();
    await writing;
    await drained(world);
    assert.deepEqual(await violationsOf(world.url), []);
    assert.deepEqual(await copiesIn(world.url), []);
  });
});
