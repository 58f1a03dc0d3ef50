import assert from 'node:assert/strict';
import { HoldfastError, type Message, type Policy, PublishError, UnknownTopicError } from '@holdfast/core';
import { createOutboxRelay, type OutboxRelayOptions } from '@holdfast/outbox';
import { constant } from '@holdfast/policies';
import type { Relay } from '@holdfast/relay';
import { memoryTransport } from '@holdfast/transport-memory';
import type { PoolClient } from 'pg';
import { eventually } from '../../harness/index.ts';
import { NumberedMessage } from '../relay/contracts.ts';
import { type OutboxWorld, openOutboxWorld } from '../relay/outbox-world.ts';

class RefusedError extends HoldfastError {
  override readonly code = 'unsendable';
}

describe('the relay of the outbox into a transport', () => {
  let world: OutboxWorld;
  let relay: Relay | undefined;
  const transport = memoryTransport({ topics: { numbers: {}, other: {} } });

  beforeEach(async () => {
    world = await openOutboxWorld();
    // One shard, so that what is added together is published together.
    await world.pool.query('update holdfast.outbox_control set shards = 1');
  });
  afterEach(async () => {
    await relay?.close();
    await world.close();
  });
  after(() => transport.close());

  const start = async (options: Partial<OutboxRelayOptions<PoolClient>>): Promise<void> => {
    relay = createOutboxRelay({ database: world.database, transport, backoff: constant({ delayMs: 5 }), ...options });
    await relay.start();
  };
  /** A transport that does this when it publishes. */
  const publishingAs = (publish: (topic: string, messages: readonly Message[]) => Promise<void>) => ({
    ...transport,
    publish,
  });
  const add = (...ids: string[]): Promise<unknown> =>
    world.outbox.transaction((tx) =>
      world.outbox.addMany(
        tx,
        ids.map((id) => [NumberedMessage, { key: id.slice(0, 1), n: 0 }, { id }] as const),
      ),
    );
  const parked = async (): Promise<readonly (readonly [id: string, reason: string])[]> =>
    (await world.outbox.parked()).map(({ message, reason }) => [message.id, reason]);
  const done = (): Promise<void> => eventually(async () => assert.equal((await relay?.stats())?.pending, 0));

  it('P8: parks for a topic that does not exist, by the error of the transport', async () => {
    await world.outbox.transaction(async (tx) => {
      for (const id of ['a1', 'b1', 'c1']) {
        await world.outbox.add(
          tx,
          NumberedMessage,
          { key: id, n: 0 },
          { id, topic: id === 'b1' ? 'nowhere' : 'numbers' },
        );
      }
    });
    await start({});
    await done();
    assert.deepEqual(await parked(), [['b1', 'unknown_topic']]);
    assert.match((await world.outbox.parked())[0]?.errors[0] ?? '', /'nowhere' does not exist/);
  });

  for (const where of ['capabilities', 'transport'] as const) {
    it(`P8: parks an oversized body alone, though it goes in one publish with others (${where})`, async () => {
      const large = 'x'.repeat(3_000);
      await world.outbox.transaction(async (tx) => {
        for (const id of ['a', 'b', 'c', 'd']) {
          await world.outbox.add(tx, NumberedMessage, { key: id === 'b' ? large : id, n: 0 }, { id, key: id });
        }
      });
      const published: string[] = [];
      const refusing = publishingAs(async (_topic, messages) => {
        if (messages.some(({ body }) => body.byteLength > 2_000)) throw new RefusedError('one of them is too large');
        published.push(...messages.map(({ id }) => id));
      });
      const maxBodyBytes = where === 'capabilities' ? 2_000 : 10_000;
      await start({ transport: { ...refusing, capabilities: { ...transport.capabilities, maxBodyBytes } } });
      await done();
      assert.deepEqual(await parked(), [['b', where === 'capabilities' ? 'oversized_body' : 'unsendable']]);
      assert.deepEqual(published.sort(), ['a', 'c', 'd']);
    });
  }

  it('P1: goes by the outcome of each message of a publish', async () => {
    const published: string[] = [];
    let round = 0;
    const partial = publishingAs(async (topic, messages) => {
      round++;
      const outcomes = messages.map(({ id }) => {
        if (id === 'a1' && round === 1) return { outcome: 'unknown', error: new Error('lost') } as const;
        if (id === 'b1') return { outcome: 'failed', error: new RefusedError('no') } as const;
        published.push(id);
        return { outcome: 'ok' } as const;
      });
      if (outcomes.some(({ outcome }) => outcome !== 'ok')) throw new PublishError(topic, outcomes);
    });
    await add('a1', 'b1', 'c1', 'a2', 'b2');
    await start({ transport: { ...partial, capabilities: { ...transport.capabilities, failsSuffix: false } } });
    await done();
    assert.deepEqual(await parked(), [
      ['b1', 'unsendable'],
      ['b2', 'key'],
    ]);
    assert.deepEqual(
      published.filter((id) => id.startsWith('a')),
      ['a1', 'a2'],
    );
    assert.deepEqual([...new Set(published)].sort(), ['a1', 'a2', 'c1']);
  });

  it('blames one, where the transport refuses a whole batch with one error', async () => {
    const published: string[] = [];
    const suffix = publishingAs(async (topic, messages) => {
      const at = messages.findIndex(({ id }) => id === 'b1');
      if (at >= 0) throw PublishError.all(topic, messages, { outcome: 'failed', error: new RefusedError('all of it') });
      published.push(...messages.map(({ id }) => id));
    });
    await add('b1', 'a1', 'c1', 'd1');
    await start({
      transport: { ...suffix, capabilities: { ...transport.capabilities, failsSuffix: true } },
      shards: 1,
    });
    await done();
    assert.deepEqual([await parked(), published.sort()], [[['b1', 'unsendable']], ['a1', 'c1', 'd1']]);
  });

  it('parks nothing for a transport that was closed, or for errors that are not its own', async () => {
    let calls = 0;
    const failing = publishingAs(async () => {
      if (calls++ < 20) throw new Error('connection refused');
    });
    await add('a1', 'b1');
    await start({ transport: failing, attempts: 2 });
    await done();
    assert.ok(calls >= 20);
    const closed = memoryTransport();
    await closed.close();
    await relay?.close();
    await add('a2');
    await start({ transport: closed, attempts: 2 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual([(await relay?.stats())?.pending, await parked()], [1, []]);
  });

  it('P8: parks nothing for a mistake of the deployment, and publishes all once it is mended', async () => {
    class MismatchError extends HoldfastError {
      override readonly code = 'topology_mismatch';
    }
    let calls = 0;
    let wrong = true;
    const mistaken = publishingAs(async (topic, messages) => {
      calls++;
      if (wrong) throw new MismatchError('4 partitions, 8 were declared');
      await transport.publish(topic, messages);
    });
    await add(...Array.from('abcdefghij', (key) => `${key}1`));
    await start({ transport: mistaken, attempts: 2 });
    await eventually(() => assert.ok(calls > 50));
    assert.deepEqual([(await relay?.stats())?.pending, await parked()], [10, []]);
    wrong = false;
    await done();
  });

  it('puts all back that was parked for a reason, or everything, in order', async () => {
    let refusing = true;
    const published: string[] = [];
    const refuse = publishingAs(async (topic, messages) => {
      if (refusing && topic === 'numbers') throw new RefusedError('no');
      await transport.publish(topic, messages);
      published.push(...messages.map(({ id }) => id));
    });
    const keys = Array.from({ length: 150 }, (_, n) => `k${n}`);
    await world.outbox.transaction((tx) =>
      world.outbox.addMany(
        tx,
        [1, 2].flatMap((n) => keys.map((key) => [NumberedMessage, { key, n }, { id: `${key}-${n}` }] as const)),
      ),
    );
    await world.outbox.transaction((tx) =>
      world.outbox.add(tx, NumberedMessage, { key: 'x', n: 0 }, { id: 'x', topic: 'nowhere' }),
    );
    await start({ transport: refuse });
    await done();
    assert.equal((await relay?.stats())?.parked, 301);
    refusing = false;
    assert.equal(await world.outbox.retry({ reason: 'unsendable' }), 300);
    await done();
    assert.deepEqual(await parked(), [['x', 'unknown_topic']]);
    for (const key of keys) {
      assert.deepEqual(
        published.filter((id) => id.startsWith(`${key}-`)),
        [`${key}-1`, `${key}-2`],
      );
    }
    assert.equal(await world.outbox.retry({ all: true }), 1);
  });

  it('publishes behind its policy, one topic a publish', async () => {
    const topics: string[] = [];
    let guarded = 0;
    const policy: Policy = (operation, signal) => {
      guarded++;
      return operation(signal);
    };
    await world.outbox.transaction(async (tx) => {
      for (const topic of ['numbers', 'other', 'numbers'])
        await world.outbox.add(tx, NumberedMessage, { key: topic, n: 0 }, { topic });
    });
    const counting = publishingAs(async (topic, messages) => {
      topics.push(topic);
      if (topic === 'nowhere') throw new UnknownTopicError(topic, []);
      await transport.publish(topic, messages);
    });
    await start({ transport: counting, policy });
    await done();
    assert.deepEqual([guarded, new Set(topics)], [topics.length, new Set(['numbers', 'other'])]);
  });
});
