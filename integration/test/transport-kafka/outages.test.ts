import assert from 'node:assert/strict';
import { ack, type Subscription, type Transport } from '@holdfast/core';
import { Kafka, logLevel } from 'kafkajs';
import { eventually, type KafkaServer, type TcpProxy } from '../../harness/index.ts';
import { type KafkaClient, type KafkaWorld, kafkaClients, kafkaWorld, messageOf, proxiedKafka } from './kafka-world.ts';
import { createLedger, type Ledger, startPublishing } from './load.ts';

/** A topic, and a subscription that receives what is published to it. */
interface Flow {
  readonly world: KafkaWorld;
  readonly transport: Transport;
  readonly ledger: Ledger;
  readonly subscription: Subscription;
  readonly topic: string;
  readonly group: string;
}

describe('transport-kafka while its broker or the way to it fails', function () {
  this.timeout(60_000);
  let server: KafkaServer;
  let proxy: TcpProxy;
  let topics = 0;
  const worlds: KafkaWorld[] = [];

  before(async () => {
    ({ server, proxy } = await proxiedKafka());
  });
  after(async () => {
    await proxy.close();
    await server.close();
  });
  afterEach(async () => {
    proxy.heal();
    await Promise.all(worlds.splice(0).map((world) => world.close()));
  });

  const openFlow = async ({ options }: KafkaClient): Promise<Flow> => {
    const world = kafkaWorld([`127.0.0.1:${proxy.port}`], options);
    worlds.push(world);
    const transport = world.open({ requestTimeoutMs: 1_000, publishTimeoutMs: 15_000 });
    const ledger = createLedger();
    const [topic, group] = [`orders-${++topics}`, `g-${topics}`];
    await transport.topology.apply({ topics: { [topic]: { partitions: 4 } } });
    const subscription = await transport.subscribe([topic], ledger.receive, { group, from: 'earliest' });
    return { world, transport, ledger, subscription, topic, group };
  };

  /** Messages flow, then `fault` happens, then they flow again; in the end all have come, in order, and health is good. */
  const survives = async (flows: readonly Flow[], fault: () => Promise<void>): Promise<void> => {
    const publishing = flows.map(({ transport, topic }) => startPublishing(transport, topic));
    const before: number[] = flows.map(() => 0);
    const flowing = (timeoutMs: number): Promise<void> =>
      eventually(
        () => {
          for (const [at, { ledger }] of flows.entries()) assert.ok(ledger.seen.size > (before[at] ?? 0) + 100);
        },
        { timeoutMs },
      );
    await flowing(10_000);
    await fault();
    before.splice(0, flows.length, ...flows.map(({ ledger }) => ledger.seen.size));
    await flowing(30_000);
    for (const [at, { ledger, subscription }] of flows.entries()) {
      await ledger.complete((await publishing[at]?.stop()) ?? new Map());
      await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
    }
  };

  it('P2: nothing is lost and order holds over thirty seconds in which every connection is half open', async () => {
    const flows = await Promise.all(kafkaClients.map(openFlow));
    const unready = (): void => {
      for (const { subscription } of flows) assert.equal(subscription.health().ready, false);
    };
    await survives(flows, async () => {
      const until = performance.now() + 30_000;
      proxy.inject({ fault: 'half-open' });
      await eventually(unready);
      await eventually(() => assert.ok(performance.now() > until), { timeoutMs: 35_000 });
      unready();
      proxy.heal();
    });
  }).timeout(90_000);

  for (const client of kafkaClients) {
    describe(`over ${client.client}`, () => {
      let flow: Flow;
      let world: KafkaWorld;
      let transport: Transport;
      let ledger: Ledger;
      let subscription: Subscription;
      let topic: string;
      let group: string;
      beforeEach(async () => {
        flow = await openFlow(client);
        ({ world, transport, ledger, subscription, topic, group } = flow);
      });

      it('P2: nothing is lost and order holds over a restart under load', () =>
        survives([flow], async () => {
          await server.stop('fast');
          await server.start();
        }));

      it('P1, P2: nothing is lost and order holds when the broker is killed under load and started again', () =>
        survives([flow], async () => {
          await server.stop('kill');
          await server.start();
        }));

      it('P2: nothing is lost and order holds when the connections are cut again and again', () =>
        survives([flow], async () => {
          for (let round = 0; round < 5; round++) {
            const before = ledger.seen.size;
            proxy.cut();
            await eventually(() => assert.ok(ledger.seen.size > before + 20));
          }
          assert.ok(proxy.counts.cuts >= 5);
        }));

      it('P2: nothing is lost and order holds over connections that are half open', () =>
        survives([flow], async () => {
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

      it('P2: a commit whose answer is lost is repeated and health says so, and what was settled does not come again', async () => {
        const { cuts } = proxy.counts;
        proxy.inject({ fault: 'drop-reply', after: client.commitRequest, times: 3 });
        await transport.publish(topic, [messageOf('c-0', 'c')]);
        await ledger.complete(new Map([['c', 1]]));
        await eventually(() => assert.match(subscription.health().reasons.join(), /cannot store positions/));
        await eventually(() => assert.equal(proxy.counts.cuts, cuts + 3));
        await eventually(async () => {
          const { groups } = await transport.topology.describe(topic);
          assert.deepEqual(groups, [{ group, lag: 0 }]);
          assert.deepEqual(subscription.health().reasons, []);
        });
        await subscription.close();
        const again = createLedger();
        await transport.subscribe([topic], again.receive, { group, from: 'earliest' });
        await transport.publish(topic, [messageOf('d-0', 'd')]);
        await again.complete(new Map([['d', 1]]));
        assert.deepEqual([...again.seen], ['d-0']);
      });

      it('P1: a message that may be stored and is refused then has an unknown outcome, and the next is not taken for it', async () => {
        const checking = world.open();
        const admin = new Kafka({ brokers: [`127.0.0.1:${proxy.port}`], logLevel: logLevel.NOTHING }).admin();
        await admin.connect();
        /** Until the broker does as it is told. */
        const takes = async (bytes: number, code: string | undefined): Promise<void> => {
          const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
          await admin.alterConfigs({
            validateOnly: false,
            resources: [{ type: topicResource, name: topic, configEntries }],
          });
          await eventually(async () => {
            const found = await checking.publish(topic, [messageOf('check', 'check')]).then(
              () => undefined,
              (error: { outcomes: { error: { code: string } }[] }) => error.outcomes[0]?.error.code,
            );
            assert.equal(found, code);
          });
        };
        await transport.publish(topic, [messageOf('r-0', 'r')]);
        proxy.inject({ fault: 'drop-reply', after: 'stored, and refused then', times: 1_000 });
        const { cuts } = proxy.counts;
        const refused = transport.publish(topic, [messageOf('r-1', 'r', 'stored, and refused then')]);
        const outcome = refused.catch((error: { outcomes: { outcome: string }[] }) => error.outcomes[0]?.outcome);
        await eventually(() => assert.ok(proxy.counts.cuts > cuts));
        await takes(10, 'oversized_record');
        proxy.heal();
        assert.equal(await outcome, 'unknown');
        await takes(1_000_000, undefined);
        await admin.disconnect();
        await transport.publish(topic, [messageOf('r-2', 'r')]);
        await ledger.complete(new Map([['r', 3]]));
      });

      it('P3: a handler is told that its partition may be with others when its session is over, though nothing else happens', async () => {
        const waiting = world.open();
        const own = `${topic}-own`;
        const running = Promise.withResolvers<AbortSignal>();
        await waiting.subscribe(
          [own],
          async ({ signal }) => {
            running.resolve(signal);
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            return ack;
          },
          { group: own, from: 'earliest' },
        );
        await waiting.publish(own, [messageOf('a-0', 'a')]);
        const signal = await running.promise;
        proxy.inject({ fault: 'half-open' });
        // Its session is three seconds; a join that nobody answers takes five more.
        await eventually(() => assert.ok(signal.aborted), { timeoutMs: 6_000 });
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
  }
});

/** As the protocol numbers what a configuration is of. */
const topicResource = 2;
/** How many messages the topic has ever had. */
const storedIn = async (transport: Transport, topic: string): Promise<number> => {
  await transport.topology.apply({ topics: { [topic]: { groups: { counting: 'earliest' } } } });
  const { groups } = await transport.topology.describe(topic);
  return groups.find(({ group }) => group === 'counting')?.lag ?? 0;
};
