import assert from 'node:assert/strict';
import { type Child, eventually, spawnChild } from '../../harness/index.ts';
import { NumberedMessage } from './contracts.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';

const relayProcess = new URL('poisoned-relay-process.ts', import.meta.url);

describe('rows that kill the process which hands them over', () => {
  let world: OutboxWorld;
  let child: Child | undefined;

  beforeEach(async () => {
    world = await openOutboxWorld();
  });
  afterEach(async () => {
    await child?.close();
    await world.close();
  });

  const delivered = (): Promise<number> =>
    world.count("select count(distinct id) from harness_entries where f = 'effect'");

  /** Starts relays, one after the other's death, until one lives for as long as `done` takes. Gives back what died. */
  const keepRunning = async (done: () => Promise<void>): Promise<readonly Child[]> => {
    const dead: Child[] = [];
    const finished = done();
    let isFinished = false;
    void finished.then(() => {
      isFinished = true;
    });
    while (!isFinished) {
      child = spawnChild(relayProcess, [world.url]);
      if ((await Promise.race([child.ended, finished])) !== undefined) dead.push(child);
    }
    return dead;
  };

  it('P8: parks the row that was alone at the deaths, and blames no other', async function () {
    this.timeout(60_000);
    await world.outbox.transaction(async (tx) => {
      for (let n = 0; n < 40; n++) {
        await world.outbox.add(tx, NumberedMessage, { key: `key ${n}`, n }, { id: n === 20 ? 'poison' : `${n}` });
      }
      await world.outbox.add(tx, NumberedMessage, { key: 'key 20', n: 41 }, { id: 'behind the poison' });
    });
    const deaths = await keepRunning(() =>
      eventually(async () => assert.deepEqual([await delivered(), (await world.outbox.parked()).length], [39, 2]), {
        timeoutMs: 40_000,
      }),
    );
    const [poison, behind] = await world.outbox.parked();
    assert.deepEqual([poison?.message.id, poison?.reason], ['poison', 'crash suspect']);
    assert.deepEqual([behind?.message.id, behind?.reason], ['behind the poison', 'key']);
    assert.ok(deaths.length >= 4, `parked after ${deaths.length} deaths`);
    assert.deepEqual(
      deaths.slice(2).flatMap(({ lines }) => lines.map(({ sent }) => sent)),
      deaths.slice(2).map(() => 1),
      'suspects were not run alone',
    );
    await eventually(async () =>
      assert.deepEqual(await world.count('select coalesce(sum(deaths), 0) from holdfast.leases'), 0),
    );
  });

  it('blames nobody for kills that have another cause', async function () {
    this.timeout(60_000);
    await world.outbox.transaction(async (tx) => {
      for (let n = 0; n < 200; n++) await world.outbox.add(tx, NumberedMessage, { key: `key ${n % 7}`, n });
    });
    const recording = new URL('relay-process.ts', import.meta.url);
    const options = { url: world.url, name: 'killed', leaseMs: 500, failsSuffix: false, latencyMs: 60 };
    for (let kill = 0; kill < 6; kill++) {
      child = spawnChild(recording, [JSON.stringify(options)]);
      await child.saw({ ready: true });
      await new Promise((resolve) => setTimeout(resolve, 700));
      await child.close();
    }
    child = spawnChild(recording, [JSON.stringify({ ...options, latencyMs: 0 })]);
    await eventually(async () => assert.equal(await delivered(), 200), { timeoutMs: 30_000 });
    assert.deepEqual(await world.outbox.parked(), []);
  });
});
