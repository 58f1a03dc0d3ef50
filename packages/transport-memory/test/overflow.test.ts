import assert from 'node:assert/strict';
import {
  ack,
  isHoldfastError,
  type Message,
  PublishError,
  type Receive,
  type Runtime,
  type Transport,
} from '@holdfast/core';
import { type MemoryTransportOptions, memoryTransport, type Overflowing } from '@holdfast/transport-memory';

const message = (id: string, key = 'k'): Message => ({ id, type: 'test', key, headers: {}, body: new Uint8Array([1]) });
const numbered = (count: number): Message[] => Array.from({ length: count }, (_, n) => message(`m${n}`));

interface Fixture {
  readonly transport: Transport;
  readonly ids: string[];
  /** Lets the group take what is there and all that comes. */
  open(): void;
  /** Resolves when the group has acked `id`. */
  acked(id: string): Promise<void>;
  readonly counted: Map<string, number>;
  readonly logged: string[];
}

/** A topic of one partition with room for three, whose one group is paused. */
const fixture = async (options: MemoryTransportOptions = {}): Promise<Fixture> => {
  const counted = new Map<string, number>();
  const logged: string[] = [];
  const log = (_fields: object, text: string): void => {
    logged.push(text);
  };
  const runtime: Partial<Runtime> = {
    log: { debug: () => {}, info: () => {}, warn: log, error: log },
    meter: {
      count: (name, by, { reason } = {}) => {
        const key = reason === undefined ? name : `${name}/${reason}`;
        counted.set(key, (counted.get(key) ?? 0) + by);
      },
      gauge: () => {},
      record: () => {},
    },
  };
  const transport = memoryTransport({ topics: { orders: { partitions: 1 } }, capacity: 3, runtime, ...options });
  const ids: string[] = [];
  const waiters = new Map<string, () => void>();
  const receive: Receive = async ({ message: { id } }) => {
    ids.push(id);
    waiters.get(id)?.();
    return ack;
  };
  const subscription = await transport.subscribe(['orders'], receive, { group: 'billing', from: 'latest' });
  subscription.pause('test');
  return {
    transport,
    ids,
    open: () => subscription.resume('test'),
    acked: (id) => new Promise((resolve) => (ids.includes(id) ? resolve() : waiters.set(id, resolve))),
    counted,
    logged,
  };
};

const outcomesOf = async (published: Promise<void>): Promise<readonly string[]> => {
  try {
    await published;
    return [];
  } catch (error) {
    assert.ok(error instanceof PublishError);
    return error.outcomes.map((one) => {
      if (one.outcome === 'ok') return 'ok';
      return isHoldfastError(one.error) ? one.error.code : String(one.error);
    });
  }
};

/** What a promise has come to by now. */
const stateOf = async (promise: Promise<unknown>): Promise<'pending' | 'settled'> => {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([
    promise.then(
      () => 'settled' as const,
      () => 'settled' as const,
    ),
    Promise.resolve('pending' as const),
  ]);
};

describe('a full partition', () => {
  it("makes publish wait under 'block', in the order of the calls, until the slowest group has settled", async () => {
    await using one = await fixtureOf({});
    await one.transport.publish('orders', numbered(3));
    const first = one.transport.publish('orders', [message('first')]);
    const second = one.transport.publish('orders', [message('second')]);
    assert.equal(await stateOf(first), 'pending');
    one.open();
    await Promise.all([first, second, one.acked('second')]);
    assert.deepEqual(one.ids, ['m0', 'm1', 'm2', 'first', 'second']);
  });

  it('counts for the slowest group: a faster one does not make room', async () => {
    await using one = await fixtureOf({});
    const fast: string[] = [];
    const all = Promise.withResolvers<void>();
    const receive: Receive = async (delivery) => {
      if (fast.push(delivery.message.id) === 3) all.resolve();
      return ack;
    };
    await one.transport.subscribe(['orders'], receive, { group: 'shipping', from: 'latest' });
    await one.transport.publish('orders', numbered(3));
    await all.promise;
    const fourth = one.transport.publish('orders', [message('fourth')]);
    assert.equal(await stateOf(fourth), 'pending');
    one.open();
    await fourth;
  });

  it('lets a waiting publish be aborted, with true outcomes, and nothing behind it overtake it', async () => {
    await using one = await fixtureOf({});
    const aborter = new AbortController();
    const aborted = outcomesOf(one.transport.publish('orders', numbered(5), { signal: aborter.signal }));
    const behind = outcomesOf(one.transport.publish('orders', [message('behind')]));
    assert.equal(await stateOf(aborted), 'pending');
    aborter.abort('enough');
    assert.deepEqual(await aborted, ['ok', 'ok', 'ok', 'enough', 'enough']);
    assert.deepEqual(await behind, ['earlier_failed']);
    one.open();
    await one.transport.publish('orders', [message('last')]);
    await one.acked('last');
    assert.deepEqual(one.ids, ['m0', 'm1', 'm2', 'last']);
  });

  it('ends a waiting publish when the transport closes', async () => {
    await using one = await fixtureOf({});
    const published = outcomesOf(one.transport.publish('orders', numbered(4)));
    await one.transport.close();
    assert.deepEqual(await published, ['ok', 'ok', 'ok', 'closed']);
  });

  it('does not hold up another partition', async () => {
    await using one = await fixtureOf({ topics: { orders: { partitions: 2 } } });
    const [a, b] = ['key-1', 'key-0'];
    await one.transport.publish(
      'orders',
      [1, 2, 3].map((n) => message(`a${n}`, a)),
    );
    const blocked = one.transport.publish('orders', [message('a4', a)]);
    assert.equal(await stateOf(blocked), 'pending');
    await one.transport.publish('orders', [message('b1', b)]);
    one.open();
    await blocked;
  });

  it("refuses what has no room under 'fail', and all that follows it in that publish", async () => {
    await using one = await fixtureOf({ overflow: { policy: 'fail' } });
    const published = one.transport.publish('orders', numbered(5));
    await assert.rejects(published, (error) => isHoldfastError(error, 'publish_failed') && error.retryable);
    assert.deepEqual(await outcomesOf(published), ['ok', 'ok', 'ok', 'topic_full', 'topic_full']);
    one.open();
    await one.acked('m2');
    await one.transport.publish('orders', [message('m3'), message('m4')]);
    await one.acked('m4');
    assert.deepEqual(one.ids, ['m0', 'm1', 'm2', 'm3', 'm4']);
  });

  it("drops what comes under 'drop-newest', and P6: counts and logs it", async () => {
    await using one = await fixtureOf({ overflow: { policy: 'drop-newest' } });
    await one.transport.publish('orders', numbered(5));
    one.open();
    await one.acked('m2');
    await one.transport.publish('orders', [message('later')]);
    await one.acked('later');
    assert.deepEqual(one.ids, ['m0', 'm1', 'm2', 'later']);
    assert.equal(one.counted.get('holdfast.memory.dropped/drop-newest'), 2);
    assert.equal(one.logged.length, 2);
  });

  it("drops what is oldest under 'drop-oldest', and P6: counts and logs it", async () => {
    await using one = await fixtureOf({ overflow: { policy: 'drop-oldest' } });
    await one.transport.publish('orders', numbered(5));
    one.open();
    await one.acked('m4');
    assert.deepEqual(one.ids, ['m2', 'm3', 'm4']);
    assert.equal(one.counted.get('holdfast.memory.dropped/drop-oldest'), 2);
    assert.equal(one.logged.length, 2);
  });

  it("hands what has no room to the callback under 'spill', and waits for it", async () => {
    const spilled: string[] = [];
    const spill = async ({ topic, partition, message: { id } }: Overflowing): Promise<void> => {
      spilled.push(`${topic}/${partition}/${id}`);
    };
    await using one = await fixtureOf({ overflow: { policy: 'spill', spill } });
    await one.transport.publish('orders', numbered(5));
    assert.deepEqual(spilled, ['orders/0/m3', 'orders/0/m4']);
    assert.equal(one.counted.get('holdfast.memory.spilled'), 2);
  });

  it('reports a message as failed whose spill failed', async () => {
    const spill = (): Promise<void> => Promise.reject('disk full');
    await using one = await fixtureOf({ overflow: { policy: 'spill', spill } });
    assert.deepEqual(await outcomesOf(one.transport.publish('orders', numbered(4))), ['ok', 'ok', 'ok', 'disk full']);
  });
});

describe('a partition that nobody holds up', () => {
  it('keeps `retain` settled messages for groups that start at the earliest', async () => {
    await using one = await fixtureOf({ retain: 2 });
    one.open();
    await one.transport.publish('orders', numbered(10));
    await one.acked('m9');
    const late: string[] = [];
    const both = Promise.withResolvers<void>();
    const receive: Receive = async (delivery) => {
      if (late.push(delivery.message.id) === 2) both.resolve();
      return ack;
    };
    await one.transport.subscribe(['orders'], receive, { group: 'audit', from: 'earliest' });
    await both.promise;
    assert.deepEqual(late, ['m8', 'm9']);
  });

  it('P6: counts and logs what leaves a topic that no group reads', async () => {
    await using one = await fixtureOf({ retain: 2, topics: { orders: { partitions: 1 }, lonely: { partitions: 1 } } });
    await one.transport.publish('lonely', numbered(10));
    assert.equal(one.counted.get('holdfast.memory.dropped/unread'), 8);
    assert.equal(one.logged.length, 1);
  });
});

/** A fixture that closes with its block. */
const fixtureOf = async (options: MemoryTransportOptions): Promise<Fixture & AsyncDisposable> => {
  const one = await fixture(options);
  return { ...one, [Symbol.asyncDispose]: () => one.transport.close() };
};
