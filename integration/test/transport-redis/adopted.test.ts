import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, explain, isHoldfastError, type Message, type Receive } from '@holdfast/core';
import { eventually, sharedRedis } from '../../harness/index.ts';
import { messageOf, openTestStreams, type TestStreams } from './test-streams.ts';

interface Entry {
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

describe('streams of others, and others on ours', () => {
  let streams: TestStreams;
  let stream: string;
  beforeEach(async () => {
    streams = openTestStreams(await sharedRedis());
    stream = `${streams.prefix}billing-orders`;
  });
  afterEach(() => streams.close());

  const adopting = (adopt = {}) =>
    streams.open({ topics: { orders: { adopt: { stream, deadTopic: null, ...adopt } } } });

  const entriesOf = (reply: unknown): Entry[] =>
    ((reply as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? []).map(([id, flat]) => ({
      id,
      fields: Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : []))),
    }));

  const collecting = () => {
    const messages: Message[] = [];
    const receive: Receive = async ({ message }) => {
      messages.push(message);
      return ack;
    };
    return { messages, receive };
  };

  it('reads what a plain client wrote, as it is or by `read`', async () => {
    const id = await streams.redis.xadd(stream, '*', 'type', 'order.placed', 'key', 'c1', 'body', '{"n":1}');
    await streams.redis.xadd(stream, '*', 'pattern', 'order', 'data', '{"n":2}');
    const plain = collecting();
    await adopting().subscribe(['orders'], plain.receive, { group: 'plain', from: 'earliest' });
    await eventually(() => assert.equal(plain.messages.length, 2));
    const [first, second] = plain.messages;
    assert.deepEqual(
      { ...first, body: Buffer.from(first?.body ?? []).toString() },
      { id, type: 'order.placed', key: 'c1', headers: {}, body: '{"n":1}' },
    );
    assert.deepEqual(JSON.parse(Buffer.from(second?.body ?? []).toString()), { pattern: 'order', data: '{"n":2}' });
    const read = collecting();
    const nest = adopting({
      read: ({ fields }: { fields: Record<string, Uint8Array> }) => ({
        type: Buffer.from(fields.pattern ?? []).toString() || 'none',
        ...(fields.data === undefined ? {} : { body: fields.data }),
      }),
    });
    await nest.subscribe(['orders'], read.receive, { group: 'read', from: 'earliest' });
    await eventually(() =>
      assert.deepEqual(
        read.messages.map(({ type }) => type),
        ['none', 'order'],
      ),
    );
    assert.equal(Buffer.from(read.messages[1]?.body ?? []).toString(), '{"n":2}');
  });

  it('P8, P10: a rejected message of one without a dead topic is passed over, counted and logged', async () => {
    for (const key of ['refused', 'fine']) await streams.redis.xadd(stream, '*', 'key', 'k', 'type', key, 'body', '{}');
    const received: (string | undefined)[] = [];
    await adopting().subscribe(
      ['orders'],
      async ({ message: { type } }) => {
        received.push(type);
        return type === 'fine' ? ack : { outcome: 'reject', reason: 'refused' };
      },
      { group: 'g', from: 'earliest' },
    );
    await eventually(() => assert.deepEqual(received, ['refused', 'fine']));
    await eventually(() => assert.equal(streams.counts.get('holdfast.redis.dropped_rejected'), 1));
    assert.equal(streams.complaints.filter((text) => text.includes('is passed over')).length, 1);
    assert.equal(await streams.redis.xlen(stream), 2);
    await eventually(async () => assert.deepEqual((await streams.redis.xpending(stream, 'g'))[0], 0));
  });

  it('is never made, trimmed or deleted, and is refused by name where it does not exist', async () => {
    const transport = adopting();
    const unknown = (error: unknown): boolean => isHoldfastError(error, 'unknown_topic');
    const { receive } = collecting();
    await assert.rejects(transport.subscribe(['orders'], receive, { group: 'g', from: 'earliest' }), unknown);
    await assert.rejects(
      transport.publish('orders', [messageOf('a')]),
      (error) => isHoldfastError(error, 'publish_failed') && unknown(error.cause),
    );
    await assert.rejects(explain(transport, 'orders'), (error) => unknown(error) && String(error).includes(stream));
    assert.equal(await streams.redis.exists(stream), 0);
    const tight = streams.open({
      capacity: 1,
      retentionMs: 0,
      topics: { orders: { adopt: { stream, deadTopic: null } } },
    });
    await streams.redis.xadd(stream, '*', 'body', 'x');
    const reading = collecting();
    const swept = streams.open({ topics: { orders: { adopt: { stream, deadTopic: null } }, own: {} }, retentionMs: 0 });
    await swept.subscribe(['orders', 'own'], reading.receive, { group: 'g', from: 'earliest' });
    for (const id of ['a', 'b', 'c']) await tight.publish('orders', [messageOf(id)]);
    await swept.publish('own', [messageOf('d'), messageOf('e')]);
    await eventually(() => assert.equal(reading.messages.length, 6));
    // Where it may be, what is settled is swept away.
    const own = async (): Promise<number> => {
      const lengths = await Promise.all(
        Array.from({ length: 8 }, (_, n) => streams.redis.xlen(streams.stream('own', n))),
      );
      return lengths.reduce((sum, length) => sum + length, 0);
    };
    await eventually(async () => assert.equal(await own(), 0), { timeoutMs: 15_000 });
    assert.equal(await streams.redis.xlen(stream), 4);
  });

  it('names where rejected messages go, or says that none are', async () => {
    await streams.redis.xadd(stream, '*', 'id', 'bad', 'type', 't', 'body', 'x');
    assert.throws(
      () => streams.open({ topics: { orders: { adopt: { stream } as never } } }),
      (error) => isHoldfastError(error, 'invalid_option') && /deadTopic/.test(error.message),
    );
    const transport = adopting({ deadTopic: 'orders-that-failed' });
    const dead = collecting();
    await transport.topology.apply({ topics: { 'orders-that-failed': { partitions: 1 } } });
    await transport.subscribe(['orders-that-failed'], dead.receive, { group: 'g', from: 'earliest' });
    await transport.subscribe(['orders'], async () => ({ outcome: 'reject', reason: 'poison' }), {
      ...{ group: 'g', from: 'earliest' },
    });
    await eventually(() =>
      assert.deepEqual(
        dead.messages.map(({ headers }) => headers['holdfast-dead-reason']),
        ['poison'],
      ),
    );
  });

  it('can be read by a plain client where we publish: id, type, key, content type and body are fields', async () => {
    const transport = streams.open();
    await transport.topology.apply({ topics: { ours: { partitions: 1, groups: { plain: 'earliest' } } } });
    const headers = { 'content-type': 'application/json', traceparent: '00-1' };
    await transport.publish('ours', [{ ...messageOf('a', 'k', '{"n":1}'), headers }]);
    const [entry] = entriesOf(
      await streams.redis.xreadgroup('GROUP', 'plain', 'me', 'STREAMS', streams.stream('ours', 0), '>'),
    );
    assert.deepEqual(entry?.fields, {
      ...{ id: 'a', type: 'test.message', key: 'k', 'content-type': 'application/json', body: '{"n":1}' },
      headers: '{"traceparent":"00-1"}',
    });
  });

  it('P2, P3: a plain consumer of a group is replaced by ours under load, and put back: nothing lost, order as before', async () => {
    await streams.redis.xgroup('CREATE', stream, 'billing', '0', 'MKSTREAM');
    const handled: { key: string; n: number; by: string }[] = [];
    let writing = true;
    let written = 0;
    const write = async (): Promise<void> => {
      for (; writing; written++) {
        await streams.redis.xadd(stream, '*', 'key', `k${written % 4}`, 'n', written, 'body', '{}');
        if (written % 10 === 0) await sleep(1);
      }
    };
    const plain = { stop: false };
    /** As people write it: reads what it has pending, then what is new, and acks each. */
    const consume = async (name: string): Promise<void> => {
      const client = streams.redis.duplicate();
      for (let from = '0'; !plain.stop; ) {
        const entries = entriesOf(
          await client.xreadgroup('GROUP', 'billing', name, 'COUNT', 20, 'BLOCK', 50, 'STREAMS', stream, from),
        );
        if (entries.length === 0) from = '>';
        for (const { id, fields } of entries) {
          // Stopped in the middle: the rest of what it was given stays pending.
          if (plain.stop) break;
          handled.push({ key: fields.key ?? '', n: Number(fields.n), by: name });
          await client.xack(stream, 'billing', id);
        }
      }
      client.disconnect();
    };
    const writer = write();
    const before = consume('old');
    await eventually(() => assert.ok(handled.length > 200));
    plain.stop = true;
    await before;

    const ours = adopting({
      read: ({ fields }: { fields: Record<string, Uint8Array> }) => ({ type: String(Buffer.from(fields.n ?? [])) }),
    });
    const subscription = await ours.subscribe(
      ['orders'],
      async ({ message }) => {
        handled.push({ key: message.key ?? '', n: Number(message.type), by: 'ours' });
        return ack;
      },
      { group: 'billing', from: 'latest' },
    );
    const so = handled.length;
    await eventually(() => assert.ok(handled.length > so + 200));
    await subscription.close();
    plain.stop = false;
    // Whoever comes back takes over what ours had left pending, if anything.
    await streams.redis.xautoclaim(stream, 'billing', 'new', 0, '0', 'COUNT', 1_000, 'JUSTID');
    const after = consume('new');
    const then = handled.length;
    await eventually(() => assert.ok(handled.length > then + 200));
    writing = false;
    await writer;
    await eventually(() => assert.equal(new Set(handled.map(({ n }) => n)).size, written));
    plain.stop = true;
    await after;
    assert.deepEqual([...new Set(handled.map(({ by }) => by))], ['old', 'ours', 'new']);
    for (const key of ['k0', 'k1', 'k2', 'k3']) {
      const firsts = [...new Set(handled.filter((one) => one.key === key).map(({ n }) => n))];
      assert.deepEqual(
        firsts,
        firsts.toSorted((a, b) => a - b),
        `key ${key}`,
      );
    }
  });
});
