import assert from 'node:assert/strict';
import { ack } from '@holdfast/core';
import type { ReadRaw } from '@holdfast/transport-kafka';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { eventually, sharedKafka } from '../../harness/index.ts';
import { type KafkaWorld, kafkaWorld, messageOf } from './kafka-world.ts';
import { createLedger, type Ledger, startPublishing } from './load.ts';

describe('transport-kafka beside plain kafkajs', function () {
  this.timeout(60_000);
  let world: KafkaWorld;
  let kafka: Kafka;
  const ends: (() => Promise<void>)[] = [];
  const nameOf = (label: string): string => `${label}-${crypto.randomUUID()}`;
  before(async () => {
    const { brokers } = await sharedKafka();
    kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    world = kafkaWorld(brokers);
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  after(() => world.close());

  const producer = async (): Promise<Producer> => {
    // Where one partition is not ready yet, kafkajs sends again what the others have stored.
    const made = kafka.producer({ allowAutoTopicCreation: false, idempotent: true });
    await made.connect();
    ends.push(() => made.disconnect());
    return made;
  };

  /** What a team had before: a consumer as kafkajs's manual has it. */
  const plainConsumer = async (topic: string, groupId: string, ledger: Ledger): Promise<() => Promise<void>> => {
    const consumer = kafka.consumer({ groupId, sessionTimeout: 2_000, heartbeatInterval: 100, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.run({
      eachMessage: async ({ message }) => ledger.note(String(message.headers?.ce_id), String(message.key)),
    });
    await joined;
    return () => consumer.disconnect();
  };

  it('a plain program finds id, type, key and content type where its users expect them', async () => {
    const transport = world.open();
    const topic = nameOf('out');
    await transport.topology.apply({ topics: { [topic]: { partitions: 2 } } });
    await transport.publish(topic, [messageOf('a-0', 'a', 'hello')]);
    const consumer = kafka.consumer({ groupId: nameOf('g'), maxWaitTimeInMs: 100 });
    await consumer.connect();
    ends.push(() => consumer.disconnect());
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen: unknown[] = [];
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) => {
        const text = Object.fromEntries(Object.entries(headers ?? {}).map(([name, one]) => [name, String(one)]));
        seen.push([String(key), JSON.parse(String(value)), text]);
      },
    });
    const headers = {
      ce_id: 'a-0',
      ce_type: 'order.placed',
      ce_specversion: '1.0',
      'content-type': 'application/json',
    };
    await eventually(() => assert.deepEqual(seen, [['a', 'hello', headers]]));
  });

  it('P3: a plain program and we put a key into the same partition', async () => {
    const transport = world.open();
    const topic = nameOf('partitions');
    await transport.topology.apply({ topics: { [topic]: { partitions: 7 } } });
    const keys = ['a', 'customer 42', 'ключ', '🔑', 'a-much-longer-key-than-the-others-in-this-test'];
    await transport.publish(
      topic,
      keys.map((key) => messageOf(`ours-${key}`, key)),
    );
    const plain = await producer();
    await plain.send({
      topic,
      messages: keys.map((key) => ({ key, value: '{}', headers: { ce_id: `plain-${key}` } })),
    });
    const places = new Map<string, number>();
    await transport.subscribe(
      [topic],
      async ({ message, partition }) => {
        places.set(message.id, partition);
        return ack;
      },
      { group: nameOf('g'), from: 'earliest' },
    );
    await eventually(() => assert.equal(places.size, keys.length * 2));
    for (const key of keys) assert.equal(places.get(`ours-${key}`), places.get(`plain-${key}`), key);
  });

  it('an adopted topic is read as it is, never declared or changed, and its dead letters go where it says', async () => {
    const [topic, dead] = [nameOf('theirs'), nameOf('graveyard')];
    const admin = kafka.admin();
    await admin.connect();
    ends.push(() => admin.disconnect());
    await admin.createTopics({
      topics: [
        { topic, numPartitions: 3 },
        { topic: dead, numPartitions: 1 },
      ],
    });
    const plain = await producer();
    const nest = { pattern: 'order.placed', data: { orderId: 'o-1' } };
    await plain.send({ topic, messages: [{ key: 'k', value: JSON.stringify(nest) }, { value: 'not JSON' }] });
    const transport = world.open({
      topics: {
        orders: {
          adopt: {
            topic,
            deadTopic: dead,
            read: ({ value, offset }) => {
              if (!String(value).startsWith('{')) return { id: `odd-${offset}` };
              const { pattern, data } = JSON.parse(String(value));
              return { id: data.orderId, type: pattern };
            },
          },
        },
      },
    });
    const received: (readonly [string, string, string, string | undefined])[] = [];
    await transport.subscribe(
      ['orders'],
      async (delivery) => {
        const { id, type, key } = delivery.message;
        received.push([delivery.topic, id.replace(/\d+$/, 'n'), type, key]);
        return id.startsWith('odd') ? { outcome: 'reject', reason: 'not JSON' } : ack;
      },
      { group: nameOf('g'), from: 'earliest' },
    );
    await eventually(() =>
      assert.deepEqual(
        received.toSorted(([, a], [, b]) => (a < b ? -1 : 1)),
        [
          ['orders', 'o-n', 'order.placed', 'k'],
          ['orders', 'odd-n', 'orders', undefined],
        ],
      ),
    );
    await eventually(async () => {
      const [end] = await admin.fetchTopicOffsets(dead);
      assert.equal(end?.high, '1');
    });
    const names = await admin.listTopics();
    assert.ok(!names.includes('orders') && !names.includes(`${topic}.dead`), 'something was declared');
    await transport.publish('orders', [messageOf('mine', 'k')]);
    await eventually(() => assert.equal(received.length, 3));
  });

  it('P2, P8: what an adopted topic cannot read becomes a dead letter, and what comes behind it is handed over once', async () => {
    const [topic, dead] = [nameOf('theirs'), nameOf('graveyard')];
    const admin = kafka.admin();
    await admin.connect();
    ends.push(() => admin.disconnect());
    await admin.createTopics({ topics: [topic, dead].map((name) => ({ topic: name, numPartitions: 1 })) });
    const plain = await producer();
    const values = ['{"id":"o-0"}', 'not JSON', '{"id":"o-1"}', 'null', '{"id":"o-2"}'];
    await plain.send({ topic, messages: values.map((value) => ({ key: 'k', value })) });
    const read: ReadRaw = ({ value }) => ({ id: JSON.parse(String(value)).id });
    const transport = world.open({ topics: { orders: { adopt: { topic, deadTopic: dead, read } } } });
    const received: string[] = [];
    await transport.subscribe(
      ['orders'],
      async ({ message }) => {
        received.push(message.id);
        return ack;
      },
      { group: nameOf('g'), from: 'earliest' },
    );
    await eventually(() => assert.deepEqual(received, ['o-0', 'o-1', 'o-2']));
    const buried: string[] = [];
    await transport.subscribe(
      [dead],
      async ({ message }) => {
        buried.push(String(Buffer.from(message.body)));
        assert.match(Object.values(message.headers).join(), /unreadable: /);
        return ack;
      },
      { group: nameOf('g'), from: 'earliest' },
    );
    await eventually(() => assert.deepEqual(buried, ['not JSON', 'null']));
    assert.deepEqual(received, ['o-0', 'o-1', 'o-2']);
  });

  it('an adopted topic that does not exist, or has another number of partitions, is refused by name', async () => {
    const transport = world.open({ topics: { orders: { adopt: { topic: nameOf('nowhere'), deadTopic: null } } } });
    const subscribed = transport.subscribe(['orders'], async () => ack, { group: nameOf('g'), from: 'earliest' });
    await assert.rejects(subscribed, (error: { code?: string }) => error.code === 'unknown_topic');
    const topic = nameOf('other');
    await world.open().topology.apply({ topics: { [topic]: { partitions: 2 } } });
    const graveless = world.open({ topics: { orders: { adopt: { topic, deadTopic: nameOf('no-graveyard') } } } });
    await assert.rejects(
      graveless.subscribe(['orders'], async () => ack, { group: nameOf('g'), from: 'earliest' }),
      /topic 'no-graveyard-[^']+' does not exist/,
    );
    const wrong = world.open({ topics: { orders: { partitions: 3, adopt: { topic, deadTopic: null } } } });
    await assert.rejects(
      wrong.topology.describe('orders'),
      (error: { code?: string }) => error.code === 'topology_mismatch',
    );
  });

  it('P2, P3: a plain consumer is replaced by ours under load, in its group, and put back: nothing lost, order as before', async () => {
    const transport = world.open();
    const [topic, group] = [nameOf('moving'), nameOf('g')];
    await transport.topology.apply({ topics: { [topic]: { partitions: 4 } } });
    const ledger = createLedger();
    const publishing = startPublishing(transport, topic);
    const more = async (): Promise<void> => {
      const before = ledger.seen.size;
      await eventually(() => assert.ok(ledger.seen.size > before + 100), { timeoutMs: 20_000 });
    };
    const stopFirst = await plainConsumer(topic, group, ledger);
    await more();
    // Both at once, as in a rolling deployment, then ours alone.
    const ours = await transport.subscribe([topic], ledger.receive, { group, from: 'earliest' });
    await eventually(() => assert.ok(ours.assignments.length > 0));
    await more();
    await stopFirst();
    await eventually(() => assert.equal(ours.assignments.length, 4));
    await more();
    const stopSecond = await plainConsumer(topic, group, ledger);
    ends.push(stopSecond);
    await more();
    await ours.close();
    await more();
    await ledger.complete(await publishing.stop());
  });
});
