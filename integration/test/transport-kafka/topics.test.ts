import assert from 'node:assert/strict';
import { createConsumer } from '@holdfast/consumer';
import {
  ack,
  defineMessage,
  isHoldfastError,
  PublishError,
  type Receive,
  type Settlement,
  silentLog,
} from '@holdfast/core';
import type { RawRecord } from '@holdfast/transport-kafka';
import { Kafka, logLevel } from 'kafkajs';
import { eventually, type KafkaServer, sharedKafka } from '../../harness/index.ts';
import { type KafkaWorld, kafkaClients, kafkaWorld, messageOf } from './kafka-world.ts';
import { createLedger } from './load.ts';

const anything = {
  '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value }) },
};

for (const { client, options: over } of kafkaClients) {
  describe(`topics and groups of transport-kafka over ${client}`, function () {
    this.timeout(30_000);
    let server: KafkaServer;
    let world: KafkaWorld;
    const admin = async <T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> => {
      const client = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).admin();
      await client.connect();
      try {
        return await work(client);
      } finally {
        await client.disconnect();
      }
    };
    const nameOf = (label: string): string => `${label}-${crypto.randomUUID()}`;
    before(async () => {
      server = await sharedKafka();
    });
    beforeEach(() => {
      world = kafkaWorld(server.brokers, over);
    });
    afterEach(() => world.close());

    /** What became of messages of one call, which one batch was made of. */
    const outcomesOf = async (published: Promise<void>): Promise<readonly string[]> => {
      const error = await published.then(
        () => assert.fail('all were stored'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof PublishError, String(error));
      return error.outcomes.map((one) => {
        if (one.outcome === 'ok') return 'ok';
        return `${one.outcome}: ${isHoldfastError(one.error) ? one.error.code : String(one.error)}`;
      });
    };

    it('a message that is too large for its topic is refused by name, and those before it in its batch are stored', async () => {
      const transport = world.open();
      const topic = nameOf('large');
      const configEntries = [{ name: 'max.message.bytes', value: '10000' }];
      await admin((client) => client.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }));
      const ledger = createLedger();
      await transport.subscribe([topic], ledger.receive, { group: nameOf('g'), from: 'earliest' });
      const sized = (id: string, bytes: number) => messageOf(id, 'a', new Uint8Array(bytes));
      const batch = [sized('a-0', 6_000), sized('a-1', 6_000), sized('large', 12_000), sized('a-2', 100)];
      const outcomes = await outcomesOf(transport.publish(topic, batch));
      assert.deepEqual(outcomes, ['ok', 'ok', 'failed: oversized_record', 'failed: earlier_failed']);
      await transport.publish(topic, [messageOf('a-2', 'a')]);
      await ledger.complete(new Map([['a', 3]]));
    });

    it('a message that its topic does not take is refused by name, and those before it in its batch are stored', async () => {
      const transport = world.open();
      const topic = nameOf('compacted');
      const configEntries = [{ name: 'cleanup.policy', value: 'compact' }];
      await admin((client) => client.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] }));
      const ledger = createLedger();
      await transport.subscribe([topic], ledger.receive, { group: nameOf('g'), from: 'earliest' });
      const batch = [messageOf('a-0', 'a'), messageOf('a-1', 'a'), messageOf('keyless'), messageOf('a-2', 'a')];
      const outcomes = await outcomesOf(transport.publish(topic, batch));
      assert.deepEqual(outcomes, ['ok', 'ok', 'failed: refused', 'failed: earlier_failed']);
      await transport.publish(topic, [messageOf('a-2', 'a')]);
      await ledger.complete(new Map([['a', 3]]));
    });

    it('P8: what cannot be stored does not hold up what the same broker stores', async () => {
      const transport = world.open();
      const [healthy, ...gone] = [nameOf('healthy'), nameOf('gone'), nameOf('gone'), nameOf('gone')];
      for (const topic of [healthy, ...gone]) {
        await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
        await transport.publish(topic, [messageOf('a-0', 'a')]);
      }
      await admin(async (client) => {
        await client.deleteTopics({ topics: gone });
        // The broker hears of it a little later, and stores what comes until then.
        await eventually(async () => {
          const left = await client.listTopics();
          assert.ok(!gone.some((topic) => left.includes(topic)));
        });
      });
      const ended: string[] = [];
      const publishing = gone.map(async (topic) => {
        await outcomesOf(transport.publish(topic, [messageOf('a-1', 'a')]));
        ended.push('gone');
      });
      // Those have left when these come.
      for (let n = 1; n <= 20; n++) await transport.publish(healthy, [messageOf(`a-${n}`, 'a')]);
      ended.push('healthy');
      await Promise.all(publishing);
      assert.deepEqual(ended, ['healthy', 'gone', 'gone', 'gone']);
    });

    it('P2: a group that begins at the latest message misses none of a partition that is added afterwards', async () => {
      const topic = nameOf('growing');
      const group = nameOf('g');
      const before = world.open();
      await before.topology.apply({ topics: { [topic]: { partitions: 1, groups: { [group]: 'latest' } } } });
      await admin((client) => client.createPartitions({ topicPartitions: [{ topic, count: 4 }] }));
      const ids = Array.from({ length: 40 }, (_, n) => `k${n}-0`);
      const transport = world.open();
      await transport.publish(
        topic,
        ids.map((id) => messageOf(id, id.slice(0, -2))),
      );
      const ledger = createLedger();
      await transport.subscribe([topic], ledger.receive, { group, from: 'latest' });
      await ledger.complete(new Map(ids.map((id) => [id.slice(0, -2), 1])));
    });

    it('P2: publishers and members notice partitions that are added, and a message that was there before is not missed', async () => {
      const transport = world.open({ topicRefreshMs: 100 });
      const topic = nameOf('growing');
      await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
      const places = new Map<string, number>();
      await transport.subscribe(
        [topic],
        async ({ message, partition }) => {
          places.set(message.id, partition);
          return ack;
        },
        { group: nameOf('g'), from: 'latest' },
      );
      await transport.publish(topic, [messageOf('first-0', 'first')]);
      await admin((client) => client.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
      const plain = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).producer();
      await plain.connect();
      await plain.send({ topic, messages: [{ key: 'k', value: '{}', partition: 2, headers: { ce_id: 'plain' } }] });
      await plain.disconnect();
      await eventually(() => assert.equal(places.get('plain'), 2));
      let n = 0;
      await eventually(async () => {
        await transport.publish(topic, [messageOf(`ours-${n}`, `key ${n++}`)]);
        assert.deepEqual([...new Set(places.values())].toSorted(), [0, 1, 2]);
      });
      await eventually(() => assert.equal(places.size, n + 2));
    });

    it('P5: what is read ahead of the handlers is on a gauge, headers included, until it is handed over', async () => {
      const transport = world.open();
      const topic = nameOf('ahead');
      await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
      const messages = Array.from({ length: 50 }, (_, n) => ({
        ...messageOf(`a-${n}`, 'a'),
        headers: { note: 'n'.repeat(1_000) },
      }));
      await transport.publish(topic, messages);
      const ledger = createLedger();
      const held = Promise.withResolvers<void>();
      await transport.subscribe(
        [topic],
        async (delivery) => {
          await held.promise;
          return ledger.receive(delivery);
        },
        { group: nameOf('g'), from: 'earliest', maxInFlight: 5 },
      );
      const ahead = (): number => world.gauges.get('holdfast.kafka.read_ahead_bytes') ?? 0;
      await eventually(() => assert.ok(ahead() > 50_000, String(ahead())));
      held.resolve();
      await ledger.complete(new Map([['a', 50]]));
      await eventually(() => assert.equal(ahead(), 0));
    });

    it('P8: a dead letter larger than we publish, of a key and headers that are no text, holds up nothing behind it', async () => {
      const transport = world.open({ maxBodyBytes: 1_000 });
      const topic = nameOf('odd');
      await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
      const plain = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING }).producer();
      await plain.connect();
      const key = Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]);
      const odd = { key, value: Buffer.alloc(900_000, 1), headers: { count: Buffer.from([0, 0, 1, 0]), ce_id: '' } };
      await plain.send({ topic, messages: [odd, { key, value: '{}', headers: { ce_id: 'behind' } }] });
      await plain.disconnect();
      const received: string[] = [];
      const buried: (readonly [string, number])[] = [];
      const group = nameOf('g');
      await transport.subscribe(
        [topic],
        async ({ message }) => {
          received.push(message.id);
          return message.id === 'behind' ? ack : { outcome: 'reject', reason: 'odd' };
        },
        { group, from: 'earliest' },
      );
      await transport.subscribe(
        [`${topic}.dead`],
        async ({ message }) => {
          buried.push([message.key ?? '', message.body.byteLength]);
          return ack;
        },
        { group, from: 'earliest' },
      );
      await eventually(() => assert.deepEqual(received, [`${topic}/0/0`, 'behind']));
      await eventually(() => assert.deepEqual(buried, [['hex:0000000000000007', 900_000]]));
    });

    it('P8: a body that is not what its contract says is a dead letter, and what is behind it is handled', async () => {
      const transport = world.open();
      const topic = nameOf('poison');
      const group = nameOf('g');
      await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
      const contract = defineMessage('order.placed', { version: 1, topic, schema: anything, key: () => 'k' });
      const handled: string[] = [];
      const consumer = createConsumer({ transport, group, from: 'earliest', runtime: { log: silentLog } });
      consumer.on(contract, async (_, { message }) => {
        handled.push(message.id);
      });
      await consumer.start();
      const dead: (readonly [string, string])[] = [];
      await transport.subscribe(
        [`${topic}.dead`],
        async ({ message }) => {
          dead.push([message.id, String(Buffer.from(message.body))]);
          return ack;
        },
        { group, from: 'earliest' },
      );
      const poison = messageOf('poison', 'a', Buffer.from([0x7b, 0, 0xff]));
      await transport.publish(topic, [messageOf('first', 'a'), poison, messageOf('behind', 'a')]);
      await eventually(() => assert.deepEqual(handled, ['first', 'behind']));
      await eventually(() => assert.deepEqual(dead, [['poison', '{\0\ufffd']]));
      await consumer.close();
    });

    it('P8, P10: a rejected message of an adopted topic without a dead topic is passed over, counted and logged', async () => {
      const topic = nameOf('theirs');
      await world.open().topology.apply({ topics: { [topic]: { partitions: 1 } } });
      const read = ({ value }: RawRecord) => JSON.parse(String(value));
      const transport = world.open({ topics: { orders: { adopt: { topic, deadTopic: null, read } } } });
      const bodies = ['no JSON', '{"id":"refused"}', '{"id":"fine"}'];
      await world.open().publish(
        topic,
        bodies.map((body, n) => messageOf(`a-${n}`, 'a', Buffer.from(body))),
      );
      const received: string[] = [];
      await transport.subscribe(
        ['orders'],
        async ({ message }) => {
          received.push(message.id);
          return message.id === 'fine' ? ack : { outcome: 'reject', reason: 'refused' };
        },
        { group: nameOf('g'), from: 'earliest' },
      );
      await eventually(() => assert.deepEqual(received, ['refused', 'fine']));
      assert.equal(world.counted.get('holdfast.kafka.dropped_rejected'), 2);
      const said = world.logs.filter(({ message }) => message.includes('is passed over'));
      assert.deepEqual(
        said.map(({ level, fields }) => [level, 'position' in fields && fields.position]),
        [
          ['error', '0'],
          ['error', '1'],
        ],
      );
    });

    it('an aborted transaction leaves no lag behind', async () => {
      const transport = world.open();
      const topic = nameOf('aborted');
      const group = nameOf('g');
      await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
      const ledger = createLedger();
      await transport.subscribe([topic], ledger.receive, { group, from: 'earliest' });
      const kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
      const producer = kafka.producer({ transactionalId: nameOf('t'), idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const lagIs = (lag: number) =>
        eventually(async () => {
          const { groups, partitions } = await transport.topology.describe(topic);
          assert.deepEqual([partitions, groups], [1, [{ group, lag }]]);
        });
      for (const sent of [0, 1]) {
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ key: 'x', value: 'never', headers: { ce_id: 'x-0' } }] });
        await transaction.abort();
        await lagIs(0);
        if (sent === 0) await transport.publish(topic, [messageOf('a-0', 'a')]);
      }
      await producer.disconnect();
      await ledger.complete(new Map([['a', 1]]));
      assert.deepEqual([...ledger.seen], ['a-0']);
    });

    // Its four seconds are ours to wait, whichever the client; what brokers answer then, the tests of a deleted topic see of both.
    if (client === 'kafkajs') {
      it('P8: a topic that is gone does not hold up another of the same subscription', async () => {
        const transport = world.open();
        const [gone, healthy] = [nameOf('gone'), nameOf('healthy')];
        const ledger = createLedger();
        const group = nameOf('g');
        const subscription = await transport.subscribe([gone, healthy], ledger.receive, { group, from: 'earliest' });
        await admin((client) => client.deleteTopics({ topics: [gone] }));
        await eventually(() => assert.match(subscription.health().reasons.join(), /cannot read/));
        await transport.publish(healthy, [messageOf('a-0', 'a')]);
        await ledger.complete(new Map([['a', 1]]));
      });
    }

    it('P1: hundreds of publishes at once are all stored, each once and in order of its key', async () => {
      const transport = world.open();
      const topic = nameOf('many');
      const group = nameOf('g');
      await transport.topology.apply({ topics: { [topic]: { partitions: 3, groups: { [group]: 'earliest' } } } });
      const counts = new Map<string, number>();
      const messages = Array.from({ length: 600 }, (_, n) => {
        const key = `k${n % 7}`;
        const number = counts.get(key) ?? 0;
        counts.set(key, number + 1);
        return messageOf(`${key}-${number}`, key);
      });
      await Promise.all(messages.map((message) => transport.publish(topic, [message])));
      const { groups } = await transport.topology.describe(topic);
      assert.deepEqual(groups, [{ group, lag: 600 }]);
      const ledger = createLedger();
      await transport.subscribe([topic], ledger.receive, { group, from: 'earliest' });
      await ledger.complete(counts);
    });

    it('P7: what the group gives to a subscription that closes is not taken up', async () => {
      const [topic, group] = [nameOf('closing'), nameOf('g')];
      const [first, second] = [world.open(), world.open()];
      await first.topology.apply({ topics: { [topic]: { partitions: 4 } } });
      const running = Promise.withResolvers<void>();
      const held = Promise.withResolvers<void>();
      const hold: Receive = async () => {
        running.resolve();
        await held.promise;
        return ack;
      };
      const options = { group, from: 'earliest' } as const;
      const closed = await first.subscribe([topic], hold, options);
      const other = await second.subscribe([topic], hold, options);
      await eventually(() => assert.deepEqual([closed.assignments.length, other.assignments.length], [2, 2]));
      const keys = Array.from({ length: 20 }, (_, n) => messageOf(`k${n}-0`, `k${n}`));
      await first.publish(topic, keys);
      await running.promise;
      const closing = closed.close({ deadlineMs: 10_000 });
      await other.close({ deadlineMs: 100 });
      // It joins when the one that closes has been given what the other had.
      const third = await world.open().subscribe([topic], createLedger().receive, options);
      held.resolve();
      await closing;
      await eventually(() => assert.equal(third.assignments.length, 4));
    });

    it('none of many topics that are looked at at once is taken for gone', async () => {
      const transport = world.open();
      const names = Array.from({ length: 12 }, () => nameOf('one-of-many'));
      const topics = Object.fromEntries(names.map((name) => [name, { partitions: 1 }]));
      await transport.topology.apply({ topics });
      const plans = names.map((name) => transport.topology.plan({ topics: { [name]: { partitions: 1 } } }));
      assert.deepEqual((await Promise.all(plans)).flat(), []);
    });

    it('P8, P10: a topic that is deleted underneath is a reason of health, and its consumer goes on when it is made anew', async () => {
      const transport = world.open();
      const topic = nameOf('deleted');
      const received: string[] = [];
      await transport.topology.apply({ topics: { [topic]: { partitions: 2 } } });
      const contract = defineMessage('order.placed', { version: 1, topic, schema: anything, key: () => 'k' });
      const consumer = createConsumer({ transport, group: nameOf('g'), from: 'latest', runtime: { log: silentLog } });
      consumer.on(contract, async (_, { message }) => {
        received.push(message.id);
      });
      await consumer.start();
      const publish = (ids: readonly string[]) =>
        transport.publish(
          topic,
          ids.map((id, n) => messageOf(id, `k${n}`)),
        );
      const before = Array.from({ length: 6 }, (_, n) => `before-${n}`);
      await publish(before);
      await eventually(() => assert.deepEqual(received.toSorted(), before));
      await admin((client) => client.deleteTopics({ topics: [topic] }));
      await eventually(() => {
        const { live, reasons } = consumer.health();
        assert.deepEqual([live, reasons.some((reason) => reason.includes(`'${topic}' does not exist`))], [false, true]);
      });
      assert.deepEqual(await outcomesOf(publish(['a-1'])), ['failed: unknown_topic']);
      // More than it had, in as many messages as make each of the old positions one of the new topic.
      await admin((client) => client.createTopics({ topics: [{ topic, numPartitions: 3 }] }));
      const after = Array.from({ length: 40 }, (_, n) => `after-${n}`);
      await eventually(() => publish(after));
      const times = () => after.map((id) => received.filter((one) => one === id).length);
      await eventually(() => assert.ok(times().every((count) => count > 0)), { timeoutMs: 20_000 });
      await eventually(() => assert.deepEqual([consumer.health().live, consumer.health().ready], [true, true]));
      assert.ok(
        world.logs.some(({ level, message }) => level === 'error' && message.includes('does not exist any more')),
      );
      await publish(['last']);
      await eventually(() => assert.equal(received.at(-1), 'last'));
      await consumer.close();
    });

    it('a group that is deleted underneath begins where its next subscription says', async () => {
      const transport = world.open();
      const topic = nameOf('groups');
      const group = nameOf('g');
      const [first, second] = [createLedger(), createLedger()];
      const subscription = await transport.subscribe([topic], first.receive, { group, from: 'earliest' });
      await transport.publish(topic, [messageOf('a-0', 'a')]);
      await first.complete(new Map([['a', 1]]));
      await subscription.close();
      await admin((client) => client.deleteGroups([group]));
      await transport.subscribe([topic], second.receive, { group, from: 'earliest' });
      await second.complete(new Map([['a', 1]]));
    });

    it('P6: what a group passes over whose positions are gone is counted and logged', async () => {
      const [topic, other, group] = [nameOf('expired'), nameOf('other'), nameOf('g')];
      const transport = world.open();
      await transport.topology.apply({
        topics: {
          [topic]: { partitions: 1, groups: { [group]: 'latest' } },
          [other]: { groups: { [group]: 'latest' } },
        },
      });
      await admin((client) => client.deleteTopics({ topics: [topic] }));
      await admin((client) => client.createTopics({ topics: [{ topic, numPartitions: 1 }] }));
      await eventually(() => world.open().publish(topic, [messageOf('a-0', 'a'), messageOf('a-1', 'a')]));
      assert.equal(world.counted.get('holdfast.kafka.passed_over'), undefined);
      const ledger = createLedger();
      const again = world.open();
      await again.subscribe([other, topic], ledger.receive, { group, from: 'latest' });
      assert.equal(world.counted.get('holdfast.kafka.passed_over'), 2);
      const said = world.logs.find(({ message }) => message.includes('has no position in a topic'));
      assert.deepEqual([said?.level, said?.fields], ['warn', { topic, group, messages: 2 }]);
      await again.subscribe([topic], createLedger().receive, { group: nameOf('new'), from: 'latest' });
      assert.equal(world.counted.get('holdfast.kafka.passed_over'), 2);
    });

    it('P6: a position that is past the end of its partition is counted and logged, and the group begins anew', async () => {
      const [topic, group] = [nameOf('past'), nameOf('g')];
      const transport = world.open();
      await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
      await transport.publish(topic, [messageOf('a-0', 'a')]);
      const partitions = [{ partition: 0, offset: '500' }];
      await admin((client) => client.setOffsets({ groupId: group, topic, partitions }));
      const ledger = createLedger();
      await transport.subscribe([topic], ledger.receive, { group, from: 'latest' });
      await ledger.complete(new Map([['a', 1]]));
      assert.equal(world.counted.get('holdfast.kafka.positions_lost'), 1);
      const said = world.logs.find(({ message }) => message.includes('is not in its partition any more'));
      assert.equal(said?.level, 'error');
    });

    it('P6: what retention dropped before a group read it is counted and logged, and the group goes on', async () => {
      const transport = world.open();
      const topic = nameOf('retention');
      const group = nameOf('g');
      await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { [group]: 'earliest' } } } });
      const messages = Array.from({ length: 5 }, (_, n) => messageOf(`a-${n}`, 'a'));
      await transport.publish(topic, messages);
      await admin(async (client) => {
        // It knows a topic's partitions only once it has asked about it.
        await client.fetchTopicOffsets(topic);
        await client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
      });
      const received: string[] = [];
      await transport.subscribe(
        [topic],
        async ({ message }) => {
          received.push(message.id);
          return ack;
        },
        { group, from: 'earliest' },
      );
      await eventually(() => assert.deepEqual(received, ['a-3', 'a-4']));
      const said = world.logs.find(({ message }) => message.includes('is not in its partition any more'));
      assert.deepEqual([said?.level, said?.fields && 'missed' in said.fields && said.fields.missed], ['error', 3]);
      assert.equal(world.counted.get('holdfast.kafka.dropped_unsettled'), 3);
    });

    it('P8: a handler slower than the session keeps its partition, its group and its order', async () => {
      const transport = world.open({ sessionTimeoutMs: 1_000, heartbeatMs: 50 });
      const topic = nameOf('slow');
      const ledger = createLedger();
      let runs = 0;
      const slow = async (): Promise<Settlement> => {
        runs++;
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        return ack;
      };
      const subscription = await transport.subscribe(
        [topic],
        async (delivery) => {
          const settlement = delivery.message.id === 'slow-0' ? await slow() : ack;
          assert.equal(delivery.signal.aborted, false);
          await ledger.receive(delivery);
          return settlement;
        },
        { group: nameOf('g'), from: 'earliest' },
      );
      await transport.publish(topic, [messageOf('slow-0', 'slow'), messageOf('slow-1', 'slow'), messageOf('b-0', 'b')]);
      await eventually(() => assert.ok(ledger.seen.has('b-0')));
      assert.equal(ledger.seen.has('slow-1'), false);
      await ledger.complete(
        new Map([
          ['slow', 2],
          ['b', 1],
        ]),
      );
      assert.equal(runs, 1);
      assert.equal(subscription.health().ready, true);
    });
  });
}
