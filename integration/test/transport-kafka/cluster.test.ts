import assert from 'node:assert/strict';
import type { Subscription, Transport } from '@holdfast/core';
import { eventually, type KafkaCluster, localKafkaCluster } from '../../harness/index.ts';
import { type KafkaWorld, kafkaClients, kafkaWorld } from './kafka-world.ts';
import { createLedger, type Ledger, startPublishing } from './load.ts';

/** A topic with its subscription, over one client. */
interface Flow {
  readonly world: KafkaWorld;
  readonly transport: Transport;
  readonly ledger: Ledger;
  readonly subscription: Subscription;
  readonly topic: string;
}

describe('transport-kafka on a cluster of three brokers', function () {
  // Three Javas start at once.
  this.timeout(240_000);
  let cluster: KafkaCluster;
  const worlds: KafkaWorld[] = [];

  before(async () => {
    cluster = await localKafkaCluster();
  });
  after(async () => {
    await Promise.all(worlds.map((world) => world.close()));
    await cluster.close();
  });

  it('P1, P2, P3: each broker is killed in its turn under load, whichever leads, coordinates and controls: others go on in its place', async () => {
    const flows = await Promise.all(
      kafkaClients.map(async ({ client, options }): Promise<Flow> => {
        const world = kafkaWorld(cluster.brokers, options);
        worlds.push(world);
        const transport = world.open({ publishTimeoutMs: 15_000 });
        const ledger = createLedger();
        const topic = `orders-${client.replaceAll(/\W/g, '')}`;
        await transport.topology.apply({ topics: { [topic]: { partitions: 6 } } });
        const subscription = await transport.subscribe([topic], ledger.receive, { group: 'g', from: 'earliest' });
        return { world, transport, ledger, subscription, topic };
      }),
    );
    const publishing = flows.map(({ transport, topic }) => startPublishing(transport, topic));
    /** Every partition hands over, so whoever led and coordinated what has been replaced. */
    const goesOn = async (): Promise<void> => {
      const before = flows.map(({ ledger }) => ledger.seen.size);
      await eventually(
        () => {
          for (const [at, { ledger, subscription }] of flows.entries()) {
            assert.ok(ledger.seen.size > (before[at] ?? 0) + 200, `${ledger.seen.size} of ${before[at]} and 200 more`);
            assert.equal(subscription.health().ready, true);
          }
        },
        { timeoutMs: 40_000 },
      );
    };
    await goesOn();
    for (const node of cluster.nodes) {
      await node.stop('kill');
      await goesOn();
      await node.start();
      await goesOn();
    }
    for (const [at, { ledger, subscription }] of flows.entries()) {
      await ledger.complete((await publishing[at]?.stop()) ?? new Map());
      await eventually(() => assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] }));
    }
  });
});
