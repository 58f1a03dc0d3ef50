import assert from 'node:assert/strict';
import type { Subscription, Transport } from '@holdfast/core';
import { eventually, type KafkaServer, type TcpProxy } from '../../harness/index.ts';
import { type KafkaWorld, kafkaWorld, messageOf, proxiedKafka } from './kafka-world.ts';
import { createLedger, type Ledger, startPublishing } from './load.ts';

describe('transport-kafka while its broker or the way to it fails', function () {
  this.timeout(60_000);
  let server: KafkaServer;
  let proxy: TcpProxy;
  let world: KafkaWorld;
  let transport: Transport;
  let ledger: Ledger;
  let subscription: Subscription;
  let topics = 0;
  let topic: string;

  before(async () => {
    ({ server, proxy } = await proxiedKafka());
  });
  after(async () => {
    await proxy.close();
    await server.close();
  });
  beforeEach(async () => {
    world = kafkaWorld([`127.0.0.1:${proxy.port}`]);
    transport = world.open({ requestTimeoutMs: 1_000, publishTimeoutMs: 15_000 });
    ledger = createLedger();
    topic = `orders-${++topics}`;
    await transport.topology.apply({ topics: { [topic]: { partitions: 4 } } });
    subscription = await transport.subscribe([topic], ledger.receive, { group: `g-${topics}`, from: 'earliest' });
  });
  afterEach(async () => {
    proxy.heal();
    await world.close();
  });

  /** Messages flow, then `fault` happens, then they flow again; in the end all have come, in order, and health is good. */
  const survives = async (fault: () => Promise<void>): Promise<void> => {
    const publishing = startPublishing(transport, topic);
    await eventually(() => assert.ok(ledger.seen.size > 100));
    await fault();
    const before = ledger.seen.size;
    await eventually(() => assert.ok(ledger.seen.size > before + 100), { timeoutMs: 30_000 });
    await ledger.complete(await publishing.stop());
    await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
  };

  it('P2: nothing is lost and order holds over a restart under load', () =>
    survives(async () => {
      await server.stop('fast');
      await server.start();
    }));

  it('P1, P2: nothing is lost and order holds when the broker is killed under load and started again', () =>
    survives(async () => {
      await server.stop('kill');
      await server.start();
    }));

  it('P2: nothing is lost and order holds when the connections are cut again and again', () =>
    survives(async () => {
      for (let round = 0; round < 5; round++) {
        const before = ledger.seen.size;
        proxy.cut();
        await eventually(() => assert.ok(ledger.seen.size > before + 20));
      }
      assert.ok(proxy.counts.cuts >= 5);
    }));

  it('P2: nothing is lost and order holds over connections that are half open', () =>
    survives(async () => {
      const { droppedUp } = proxy.counts;
      proxy.inject({ fault: 'half-open' });
      await eventually(() => assert.equal(subscription.health().ready, false));
      await eventually(() => assert.ok(proxy.counts.droppedUp > droppedUp));
      proxy.heal();
    }));

  it('P1: a publish whose answer is lost is sent again and stored once', async () => {
    const message = messageOf('lost-0', 'lost', 'the answer to this is lost');
    proxy.inject({ fault: 'drop-reply', after: 'the answer to this is lost' });
    const { cuts } = proxy.counts;
    await transport.publish(topic, [message]);
    assert.ok(proxy.counts.cuts > cuts, 'no answer was lost');
    await ledger.complete(new Map([['lost', 1]]));
    const { groups } = await transport.topology.describe(topic);
    assert.equal(await storedIn(transport, topic), 1, JSON.stringify(groups));
  });

  it('P2: a commit whose answer is lost is repeated, and what was settled does not come again', async () => {
    await transport.publish(topic, [messageOf('c-0', 'c')]);
    proxy.inject({ fault: 'drop-reply', after: `g-${topics}`, times: 3 });
    await ledger.complete(new Map([['c', 1]]));
    await eventually(async () => {
      const { groups } = await transport.topology.describe(topic);
      assert.deepEqual(groups, [{ group: `g-${topics}`, lag: 0 }]);
    });
    await subscription.close();
    const again = createLedger();
    await transport.subscribe([topic], again.receive, { group: `g-${topics}`, from: 'earliest' });
    await transport.publish(topic, [messageOf('d-0', 'd')]);
    await again.complete(new Map([['d', 1]]));
    assert.deepEqual([...again.seen], ['d-0']);
  });

  it('P7: close ends by its deadline while the broker is gone, and says so of the publishes under way', async () => {
    proxy.inject({ fault: 'refuse' });
    const published = transport.publish(topic, [messageOf('e-0', 'e')]).then(
      () => 'stored',
      (error: { code?: string }) => error.code,
    );
    const startedMs = performance.now();
    await transport.close({ deadlineMs: 500 });
    assert.ok(performance.now() - startedMs < 1_500);
    assert.equal(await published, 'publish_failed');
    await subscription.closed;
  });

  it('P1: a publish that nobody answers is given up, and the partition goes on in order afterwards', async () => {
    const impatient = world.open({ requestTimeoutMs: 200, publishTimeoutMs: 500, fetchWaitMs: 50 });
    await impatient.publish(topic, [messageOf('f-0', 'f')]);
    proxy.inject({ fault: 'freeze' });
    await assert.rejects(impatient.publish(topic, [messageOf('f-1', 'f')]), (error: { outcomes?: unknown[] }) => {
      assert.deepEqual(
        error.outcomes?.map((one) => (one as { outcome: string }).outcome),
        ['unknown'],
      );
      return true;
    });
    proxy.heal();
    await impatient.publish(topic, [messageOf('f-1', 'f')]);
    await impatient.publish(topic, [messageOf('f-2', 'f')]);
    await ledger.complete(new Map([['f', 3]]));
  });
});

/** How many messages the topic has ever had. */
const storedIn = async (transport: Transport, topic: string): Promise<number> => {
  await transport.topology.apply({ topics: { [topic]: { groups: { counting: 'earliest' } } } });
  const { groups } = await transport.topology.describe(topic);
  return groups.find(({ group }) => group === 'counting')?.lag ?? 0;
};
