import assert from 'node:assert/strict';
import { ack, type Delivery, type Message, type Receive, type Runtime, silentLog } from '@holdfast/core';
import { memoryTransport } from '@holdfast/transport-memory';

const message = (id: string, key?: string): Message => ({
  id,
  type: 'test.happened',
  ...(key === undefined ? {} : { key }),
  headers: { kind: 'test' },
  body: new TextEncoder().encode(id),
});

const runtime: Partial<Runtime> = { log: silentLog };

/** Acks all, and resolves when `count` deliveries have come. */
const collect = (count: number): { receive: Receive; all: Promise<Delivery[]> } => {
  const { promise, resolve } = Promise.withResolvers<Delivery[]>();
  const seen: Delivery[] = [];
  const receive: Receive = async (delivery) => {
    seen.push(delivery);
    if (seen.length === count) resolve(seen);
    return ack;
  };
  return { receive, all: promise };
};

describe('memoryTransport', () => {
  it('hands every message to every group, in order of its key', async () => {
    await using transport = memoryTransport({ topics: { orders: {} }, runtime });
    const one = collect(20);
    const two = collect(20);
    await transport.subscribe(['orders'], one.receive, { group: 'one', from: 'latest' });
    await transport.subscribe(['orders'], two.receive, { group: 'two', from: 'latest' });
    const messages = Array.from({ length: 20 }, (_, n) => message(String(n), `key-${n % 3}`));
    await transport.publish('orders', messages);
    for (const seen of [await one.all, await two.all]) {
      for (const key of ['key-0', 'key-1', 'key-2']) {
        const ids = seen.filter((delivery) => delivery.message.key === key).map((delivery) => delivery.message.id);
        assert.deepEqual(
          ids,
          messages.filter((sent) => sent.key === key).map((sent) => sent.id),
        );
      }
    }
  });

  it('retries a message in its place, and puts a rejected one into the dead topic', async () => {
    await using transport = memoryTransport({ topics: { orders: { partitions: 1 } }, runtime });
    const attempts: string[] = [];
    const dead = collect(1);
    const good = Promise.withResolvers<void>();
    await transport.subscribe(
      ['orders'],
      async (delivery) => {
        attempts.push(`${delivery.message.id}/${delivery.attempt}`);
        if (delivery.message.id === 'good') good.resolve();
        if (delivery.message.id === 'bad' && delivery.attempt === 1)
          return { outcome: 'retry', delayMs: 5, spent: true };
        return delivery.message.id === 'bad' ? { outcome: 'reject', reason: 'poison' } : ack;
      },
      { group: 'one', from: 'latest' },
    );
    await transport.subscribe(['orders.dead'], dead.receive, { group: 'undertaker', from: 'earliest' });
    await transport.publish('orders', [message('bad', 'k'), message('good', 'k')]);
    const [letter] = await dead.all;
    assert.equal(letter?.message.id, 'bad');
    assert.equal(letter?.message.headers['holdfast-dead-reason'], 'poison');
    await good.promise;
    assert.deepEqual(attempts, ['bad/1', 'bad/2', 'good/1']);
  });

  it('shares the partitions of a group over its subscriptions, and hands them over when one closes', async () => {
    await using transport = memoryTransport({ topics: { orders: { partitions: 4 } }, runtime });
    const receive: Receive = async () => ack;
    const options = { group: 'one', from: 'latest' } as const;
    const first = await transport.subscribe(['orders'], receive, options);
    const second = await transport.subscribe(['orders'], receive, options);
    while (!(first.health().ready && second.health().ready)) await Promise.resolve();
    assert.deepEqual([first.assignments.length, second.assignments.length], [2, 2]);
    await first.close();
    while (!second.health().ready) await Promise.resolve();
    assert.equal(second.assignments.length, 4);
  });
});
