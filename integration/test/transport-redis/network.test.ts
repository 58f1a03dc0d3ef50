import assert from 'node:assert/strict';
import { ack, PublishError } from '@holdfast/core';
import { eventually, sharedRedis, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { startLoad } from './load.ts';
import { messageOf, openTestStreams, type TestStreams } from './test-streams.ts';

describe('streams over a bad network', function () {
  this.timeout(90_000);
  let streams: TestStreams;
  let proxy: TcpProxy;
  before(async () => {
    const server = await sharedRedis();
    streams = openTestStreams(server);
    const { hostname, port } = new URL(server.url);
    proxy = await tcpProxy({ targetHost: hostname, targetPort: Number(port) });
  });
  afterEach(() => proxy.heal());
  after(async () => {
    await streams.close();
    await proxy.close();
  });

  const through = (options = {}) =>
    streams.open({ url: proxy.through(streams.url), leaseMs: 2_000, commandTimeoutMs: 700, ...options });

  /** Publishes and consumes through the proxy while `fault` happens several times. */
  const survives = async (topic: string, fault: (round: number) => void): Promise<void> => {
    const transport = through();
    await transport.topology.apply({ topics: { [topic]: { partitions: 3 } } });
    const load = startLoad(transport, topic);
    const subscription = await transport.subscribe([topic], load.receive, { group: 'g', from: 'earliest' });
    for (let round = 1; round <= 3; round++) {
      const before = load.seen;
      await eventually(() => assert.ok(load.seen > before + 100), { timeoutMs: 20_000 });
      fault(round);
    }
    const before = load.seen;
    await eventually(() => assert.ok(load.seen > before + 100), { timeoutMs: 20_000 });
    await load.finish();
    await eventually(() => assert.equal(subscription.health().ready, true));
    await transport.close();
  };

  it('P2: nothing is lost and order holds when every connection is reset', async () => {
    const cuts = proxy.counts.cuts;
    await survives('reset', () => proxy.cut());
    assert.ok(proxy.counts.cuts > cuts);
  });

  it('P2: nothing is lost and order holds when connections are half open', async () => {
    await survives('half-open', () => {
      proxy.inject({ fault: 'half-open' });
      proxy.heal();
    });
    assert.ok(proxy.counts.droppedUp > 0);
  });

  it('P2: nothing is lost and order holds over thirty seconds in which every connection is half open', async () => {
    const transport = through();
    const load = startLoad(transport, 'long');
    const subscription = await transport.subscribe(['long'], load.receive, { group: 'g', from: 'earliest' });
    await eventually(() => assert.ok(load.seen > 100));
    const until = performance.now() + 30_000;
    proxy.inject({ fault: 'half-open' });
    await eventually(() => assert.equal(subscription.health().ready, false));
    const before = load.seen;
    await eventually(() => assert.ok(performance.now() > until), { timeoutMs: 35_000 });
    assert.equal(load.seen, before, 'something came through');
    assert.equal(subscription.health().ready, false);
    proxy.heal();
    await eventually(() => assert.ok(load.seen > before + 100), { timeoutMs: 15_000 });
    await load.finish();
    await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
  });

  it('P2: nothing is lost and order holds when replies to publishes, reads and acks are lost', async () => {
    await survives('lost-replies', () => proxy.inject({ fault: 'drop-reply', after: 'evalsha', times: 2 }));
    assert.ok(proxy.counts.droppedDown > 0);
  });

  it('P1: a publish whose reply is lost is reported as unknown and sent once: the driver does not send it again', async () => {
    const transport = through();
    await transport.topology.apply({ topics: { once: { partitions: 1, groups: { g: 'earliest' } } } });
    await transport.publish('once', [messageOf('first')]);
    proxy.inject({ fault: 'drop-reply', after: 'the-body-of-it' });
    const error = await transport
      .publish('once', [messageOf('second', undefined, 'the-body-of-it')])
      .catch((reason: unknown) => reason);
    assert.ok(error instanceof PublishError);
    assert.deepEqual(
      error.outcomes.map(({ outcome }) => outcome),
      ['unknown'],
    );
    await transport.publish('once', [messageOf('third')]);
    const stored = await streams.redis.xrange(streams.stream('once', 0), '-', '+');
    assert.deepEqual(
      stored.map(([, fields]) => fields[1]),
      ['first', 'second', 'third'],
    );
  });

  it('P7: an idle subscription whose connections are half open hears of messages again within seconds', async () => {
    const transport = through();
    const seen: string[] = [];
    const receive = async ({ message }: { message: { id: string } }) => {
      seen.push(message.id);
      return ack;
    };
    const subscription = await transport.subscribe(['idle'], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.equal(subscription.health().ready, true));
    proxy.inject({ fault: 'half-open' });
    proxy.heal();
    await streams.open().publish('idle', [messageOf('a')]);
    await eventually(() => assert.deepEqual(seen, ['a']), { timeoutMs: 15_000 });
  });
});
