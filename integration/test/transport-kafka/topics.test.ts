import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError, type Settlement } from '@holdfast/core';
import { Kafka, logLevel } from 'kafkajs';
import { eventually, type KafkaServer, sharedKafka } from '../../harness/index.ts';
import { type KafkaWorld, kafkaWorld, messageOf } from './kafka-world.ts';
import { createLedger } from './load.ts';

describe('topics and groups of transport-kafka', function () {
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
    world = kafkaWorld(server.brokers);
  });
  afterEach(() => world.close());

  it('a message that is too large with its headers is refused by name, and those beside it are stored', async () => {
    const transport = world.open();
    const topic = nameOf('large');
    await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
    const ledger = createLedger();
    await transport.subscribe([topic], ledger.receive, { group: nameOf('g'), from: 'earliest' });
    const large = { ...messageOf('large', 'x'), headers: { note: 'n'.repeat(1_100_000) } };
    const before = transport.publish(topic, [messageOf('a-0', 'a')]);
    const refused = transport.publish(topic, [large]);
    await before;
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof PublishError);
      const [outcome] = error.outcomes;
      assert.ok(outcome?.outcome === 'failed' && isHoldfastError(outcome.error, 'oversized_record'), String(error));
      assert.equal(error.retryable, false);
      return true;
    });
    await transport.publish(topic, [messageOf('a-1', 'a')]);
    await ledger.complete(new Map([['a', 2]]));
  });

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

  it('a topic that is deleted underneath ends the subscription by name, and publishing is refused', async () => {
    const transport = world.open();
    const topic = nameOf('deleted');
    const ledger = createLedger();
    const subscription = await transport.subscribe([topic], ledger.receive, { group: nameOf('g'), from: 'earliest' });
    await transport.publish(topic, [messageOf('a-0', 'a')]);
    await ledger.complete(new Map([['a', 1]]));
    await admin((client) => client.deleteTopics({ topics: [topic] }));
    await assert.rejects(subscription.closed, (error) => isHoldfastError(error, 'unknown_topic'));
    assert.equal(subscription.health().live, false);
    await assert.rejects(transport.publish(topic, [messageOf('a-1', 'a')]), (error) => {
      const [outcome] = error instanceof PublishError ? error.outcomes : [];
      return outcome?.outcome === 'failed' && isHoldfastError(outcome.error, 'unknown_topic');
    });
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
