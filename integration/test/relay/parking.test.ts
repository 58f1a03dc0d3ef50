import assert from 'node:assert/strict';
import { HoldfastError } from '@holdfast/core';
import { constant } from '@holdfast/policies';
import { createRelay, type Relay, type RelayOptions, relayTable } from '@holdfast/relay';
import { eventually } from '../../harness/index.ts';
import { NumberedMessage } from './contracts.ts';
import { type ControlledSink, controlledSink, ok } from './controlled-sink.ts';
import { type OutboxWorld, openOutboxWorld } from './outbox-world.ts';

class RefusedError extends HoldfastError {
  override readonly code = 'refused';
}

describe('parking rows that cannot be handed over', () => {
  let world: OutboxWorld;
  let relay: Relay | undefined;

  beforeEach(async () => {
    world = await openOutboxWorld();
  });
  afterEach(async () => {
    await relay?.close();
    relay = undefined;
    await world.close();
  });

  const start = async (sink: ControlledSink, options: RelayOptions = {}): Promise<Relay> => {
    relay = createRelay({ database: world.database, table: relayTable('outbox') }, sink, {
      backoff: constant({ delayMs: 5 }),
      ...options,
    });
    await relay.start();
    return relay;
  };
  /** Adds messages of one key in a transaction of their own; ids like `a1` are of key `a`. */
  const add = (...ids: string[]): Promise<unknown> =>
    world.outbox.transaction((tx) =>
      world.outbox.addMany(
        tx,
        ids.map((id) => [NumberedMessage, { key: id.slice(0, 1), n: 0 }, { id }] as const),
      ),
    );
  const parkedIds = async (): Promise<readonly string[]> =>
    (await world.outbox.parked()).map(({ message }) => message.id);

  for (const failsSuffix of [false, true]) {
    it(`T23, P8: parks the row and what follows of its key, and nothing else (failsSuffix ${failsSuffix})`, async () => {
      const sink = controlledSink({ failsSuffix });
      const refused = new RefusedError('not this one');
      sink.answer = ({ id }) => (id.startsWith('a') ? { outcome: 'failed', error: refused } : ok);
      await add('a1', 'b1', 'a2', 'b2', 'c1');
      await start(sink);
      await eventually(async () => assert.deepEqual(await parkedIds(), ['a1', 'a2']));
      await add('a3', 'b3');
      await eventually(async () => assert.deepEqual(await parkedIds(), ['a1', 'a2', 'a3']));
      await eventually(async () => assert.equal((await relay?.stats())?.pending, 0));
      assert.deepEqual(
        [...new Set(sink.ids)].sort(),
        failsSuffix ? ['a1', 'a2', 'b1', 'b2', 'b3', 'c1'] : ['a1', 'b1', 'b2', 'b3', 'c1'],
      );
      const [first, second] = await world.outbox.parked();
      assert.deepEqual([first?.reason, first?.attempts, first?.errors], ['refused', 1, ['refused: not this one']]);
      assert.deepEqual([second?.reason, second?.topic], ['key', 'numbers']);
      assert.ok(Math.abs(Number(first?.parkedAt) - Date.now()) < 60_000);
    });
  }

  it('P3: puts a key back in order, before what was added meanwhile, though that was read already', async () => {
    const sink = controlledSink();
    let broken = true;
    sink.answer = () => (broken ? { outcome: 'failed', error: new RefusedError('not yet') } : ok);
    await add('a1', 'a2');
    await start(sink);
    await eventually(async () => assert.deepEqual(await parkedIds(), ['a1', 'a2']));
    await relay?.close();
    await add('a3', 'a4');
    broken = false;
    assert.equal(await world.outbox.retry({ id: 'a2' }), 2);
    assert.equal(await world.outbox.retry({ key: 'a' }), 0);
    await add('a5');
    const after = sink.ids.length;
    await start(sink);
    await eventually(() => assert.deepEqual(sink.ids.slice(after), ['a1', 'a2', 'a3', 'a4', 'a5']));
  });

  it('P2, P3: keeps order and loses nothing while keys are parked and put back all the time', async function () {
    this.timeout(40_000);
    const sink = controlledSink();
    let failing = true;
    sink.answer = ({ id }) =>
      failing && Math.random() < 0.1 ? { outcome: 'failed', error: new RefusedError(id) } : ok;
    const confirmed: string[] = [];
    const answer = sink.answer;
    sink.answer = async (row) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      const outcome = await answer(row);
      if (outcome.outcome === 'ok') confirmed.push(row.id);
      return outcome;
    };
    await start(sink, { batchSize: 1 });
    const keys = [...'abcdef'];
    const retryAll = async (): Promise<void> => {
      for (const key of keys) await world.outbox.retry({ key });
    };
    for (let n = 100; n < 160; n++) {
      await Promise.all(keys.map((key) => add(`${key}${n}`)));
      if (n % 3 === 0) await retryAll();
    }
    failing = false;
    await eventually(async () => {
      await retryAll();
      assert.deepEqual([(await relay?.stats())?.pending, await parkedIds()], [0, []]);
    });
    for (const key of keys) {
      const firsts = [...new Set(confirmed.filter((id) => id.startsWith(key)))];
      assert.deepEqual(
        firsts,
        Array.from({ length: 60 }, (_, n) => `${key}${100 + n}`),
      );
    }
  });

  it('parks after the attempts that speak against the row, and keeps each error', async () => {
    const sink = controlledSink();
    let tries = 0;
    sink.answer = ({ id }) => (id === 'a1' ? { outcome: 'failed', error: new Error(`try ${++tries}`) } : ok);
    await add('a1', 'a2');
    await start(sink, { attempts: 3, backoff: constant({ delayMs: 100 }) });
    await eventually(async () => {
      await add('b1');
      assert.deepEqual(await parkedIds(), ['a1', 'a2']);
    });
    const [first] = await world.outbox.parked();
    assert.equal(first?.reason, 'attempts');
    assert.deepEqual(
      first?.errors,
      Array.from({ length: first?.attempts ?? 0 }, (_, n) => `Error: try ${n + 1}`),
    );
  });

  it('P8: does not park the only row there is for an outage of the broker', async () => {
    const sink = controlledSink();
    sink.answer = () => ({ outcome: 'failed', error: new Error('connection refused') });
    await add('a1');
    await start(sink, { attempts: 3 });
    await eventually(() => assert.ok(sink.ids.length > 20));
    sink.answer = () => ok;
    await eventually(async () => assert.equal((await relay?.stats())?.pending, 0));
    assert.deepEqual(await parkedIds(), []);
  });

  it('P8: parks nothing while nothing gets through, nor for an unknown outcome', async () => {
    const sink = controlledSink();
    let down = true;
    sink.answer = ({ key }) =>
      !down
        ? ok
        : key === 'a'
          ? { outcome: 'unknown', error: new Error('lost') }
          : { outcome: 'failed', error: new Error('down') };
    await add('a1', 'b1', 'c1', 'd1');
    await start(sink, { attempts: 3 });
    await eventually(() => assert.ok(sink.ids.length > 60));
    assert.deepEqual(await parkedIds(), []);
    down = false;
    await eventually(async () => assert.equal((await relay?.stats())?.pending, 0));
  });

  it('parks and cancels what has a key and an id of any length', async () => {
    const [id, key] = ['i'.repeat(10_000), Array.from({ length: 10_000 }, () => Math.random()).join('')];
    const sink = controlledSink();
    sink.answer = () => ({ outcome: 'failed', error: new RefusedError('no') });
    await world.outbox.transaction(async (tx) => {
      await world.outbox.add(tx, NumberedMessage, { key, n: 0 }, { id });
      await world.outbox.add(tx, NumberedMessage, { key, n: 0 }, { id: `${id}2`, delayMs: 3_600_000 });
    });
    await start(sink);
    await eventually(async () => assert.deepEqual(await parkedIds(), [id]));
    assert.equal(await world.outbox.transaction((tx) => world.outbox.cancel(tx, `${id}2`)), 'cancelled');
  });

  it('gives parked messages page by page, and an unordered one back alone', async () => {
    const unordered = world.outbox;
    await world.pool.query(`
      select holdfast.outbox_add('{"messages": [
        {"id": "x1", "type": "t", "topic": "t", "key": "x", "body": "{}", "ordered": false},
        {"id": "x2", "type": "t", "topic": "t", "key": "x", "body": "{}", "ordered": false},
        {"id": "y1", "type": "t", "topic": "t", "body": "{}"}]}')`);
    const sink = controlledSink();
    sink.answer = () => ({ outcome: 'failed', error: new RefusedError('no') });
    await start(sink);
    await eventually(async () => assert.equal((await parkedIds()).length, 3));
    const [first] = await unordered.parked({ limit: 1 });
    const rest = await unordered.parked({ limit: 5, ...(first && { after: first.position }) });
    assert.deepEqual([first?.message.id, ...rest.map(({ message }) => message.id)], ['x1', 'x2', 'y1']);
    sink.answer = () => ok;
    assert.equal(await unordered.retry({ id: 'x2' }), 1);
    await eventually(async () => assert.deepEqual(await parkedIds(), ['x1', 'y1']));
    assert.equal(await unordered.retry({ key: 'x' }), 1);
    await eventually(async () => assert.deepEqual(await parkedIds(), ['y1']));
  });
});
