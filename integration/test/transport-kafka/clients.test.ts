import assert from 'node:assert/strict';
import { ack, isHoldfastError, type Subscription } from '@holdfast/core';
import { Producer } from '@platformatic/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { eventually, sharedKafka } from '../../harness/index.ts';
import { type KafkaWorld, kafkaClients, kafkaWorld, messageOf } from './kafka-world.ts';
import { createLedger, startPublishing } from './load.ts';

describe('transport-kafka over one client and the other, on one topic', function () {
  this.timeout(60_000);
  let brokers: readonly string[];
  let worlds: readonly KafkaWorld[];
  const nameOf = (label: string): string => `${label}-${crypto.randomUUID()}`;
  before(async () => {
    ({ brokers } = await sharedKafka());
  });
  beforeEach(() => {
    worlds = kafkaClients.map(({ options }) => kafkaWorld(brokers, options));
  });
  afterEach(() => Promise.all(worlds.map((world) => world.close())));

  it('P3: both put a key into the partition that plain kafkajs puts it into', async () => {
    const topic = nameOf('partitions');
    const keys = ['a', 'customer 42', 'ключ', '🔑', '', 'a-much-longer-key-than-the-others-in-this-test'];
    const transports = worlds.map((world) => world.open());
    await transports[0]?.topology.apply({ topics: { [topic]: { partitions: 7 } } });
    for (const [from, transport] of transports.entries()) {
      await transport.publish(
        topic,
        keys.map((key) => messageOf(`${from}-${key}`, key)),
      );
    }
    const plain = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).producer();
    await plain.connect();
    await plain.send({
      topic,
      messages: keys.map((key) => ({ key, value: '{}', headers: { ce_id: `plain-${key}` } })),
    });
    await plain.disconnect();
    for (const transport of transports) {
      const places = new Map<string, number>();
      await transport.subscribe(
        [topic],
        async ({ message, partition }) => {
          places.set(message.id, partition);
          return ack;
        },
        { group: nameOf('g'), from: 'earliest' },
      );
      await eventually(() => assert.equal(places.size, keys.length * 3));
      for (const key of keys) {
        const found = ['0', '1', 'plain'].map((from) => places.get(`${from}-${key}`));
        assert.deepEqual([...new Set(found)].length, 1, `key '${key}' in partitions ${found}`);
      }
    }
  });

  it('P2, P3: members over both share a group, and hand over to each other in order', async () => {
    const [topic, group] = [nameOf('shared'), nameOf('g')];
    const ledger = createLedger();
    const [one, other] = worlds.map((world) => world.open());
    assert.ok(one !== undefined && other !== undefined);
    await one.topology.apply({ topics: { [topic]: { partitions: 4 } } });
    const publishing = startPublishing(other, topic);
    const subscribe = (transport: typeof one): Promise<Subscription> =>
      transport.subscribe([topic], ledger.receive, { group, from: 'earliest' });
    const shares = (...expected: readonly (readonly [Subscription, number])[]): Promise<void> =>
      eventually(() => {
        for (const [{ assignments }, count] of expected) assert.equal(assignments.length, count);
      });
    const first = await subscribe(one);
    const second = await subscribe(other);
    await shares([first, 2], [second, 2]);
    await first.close();
    await shares([second, 4]);
    const third = await subscribe(one);
    await shares([second, 2], [third, 2]);
    await second.close();
    await shares([third, 4]);
    await ledger.complete(await publishing.stop());
  });

  it('P2: what others have compressed is read, whatever they have compressed it with', async () => {
    const topic = nameOf('compressed');
    const transport = worlds[1]?.open();
    assert.ok(transport !== undefined);
    await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
    const codecs = ['gzip', 'snappy', 'lz4', 'zstd', 'none'] as const;
    const producer = new Producer({ clientId: 'others', bootstrapBrokers: [...brokers] });
    for (const compression of codecs) {
      const headers = new Map([[Buffer.from('ce_id'), Buffer.from(compression)]]);
      const value = Buffer.from(compression.repeat(1_000));
      await producer.send({ compression, messages: [{ topic, key: Buffer.from('k'), value, headers }] });
    }
    await producer.close();
    const received: string[] = [];
    await transport.subscribe(
      [topic],
      async ({ message: { id, key, body } }) => {
        assert.deepEqual([key, String(Buffer.from(body))], ['k', id.repeat(1_000)]);
        received.push(id);
        return ack;
      },
      { group: nameOf('g'), from: 'earliest' },
    );
    await eventually(() => assert.deepEqual(received, codecs));
  });

  it('P7: closing leaves no connection of either behind', async () => {
    const topic = nameOf('closing');
    for (const world of worlds) {
      const before = connections();
      const transport = world.open();
      const subscription = await transport.subscribe([topic], createLedger().receive, {
        group: nameOf('g'),
        from: 'latest',
      });
      await transport.publish(topic, [messageOf('a-0', 'a')]);
      assert.ok(connections() > before);
      await transport.close();
      await assert.doesNotReject(subscription.closed);
      await eventually(() => assert.equal(connections(), before));
      await assert.rejects(transport.publish(topic, [messageOf('a-1', 'a')]), (error) => isHoldfastError(error));
    }
  });
});

/** How many connections this process has open. */
const connections = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
