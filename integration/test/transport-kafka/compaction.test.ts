import assert from 'node:assert/strict';
import { Kafka, logLevel } from 'kafkajs';
import { eventually, type KafkaServer, ownKafka } from '../../harness/index.ts';
import { type KafkaWorld, kafkaWorld, messageOf } from './kafka-world.ts';
import { createLedger } from './load.ts';

describe('transport-kafka on a topic that is compacted', function () {
  this.timeout(90_000);
  let server: KafkaServer;
  let world: KafkaWorld;
  let kafka: Kafka;
  before(async () => {
    server = await ownKafka({ config: { 'log.cleaner.enable': 'true', 'log.cleaner.backoff.ms': '100' } });
    world = kafkaWorld(server.brokers);
    kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
  });
  after(async () => {
    await world.close();
    await server.close();
  });

  const makeTopic = async (topic: string): Promise<void> => {
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = Object.entries({
      ...{ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.001' },
      'segment.ms': '100',
    }).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
    await admin.disconnect();
  };

  /** Writes until a plain consumer no longer finds the message at that offset: what is being written to is not compacted. */
  const untilGone = async (topic: string, offset: string, write: () => Promise<void>): Promise<void> => {
    const consumer = kafka.consumer({ groupId: `looking-${topic}`, maxWaitTimeInMs: 100 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    let first: readonly string[] = [offset];
    await consumer.run({
      eachBatch: async ({ batch }) => {
        if (batch.firstOffset() === '0') first = batch.messages.map((message) => message.offset);
      },
    });
    await eventually(
      async () => {
        await write();
        consumer.seek({ topic, partition: 0, offset: '0' });
        assert.equal(first.includes(offset), false);
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
    await consumer.disconnect();
  };

  it('P2: it goes on past the end of a batch whose last message is gone', async () => {
    const topic = 'compacted';
    // A batch at a time, so that one ends with what is gone.
    const transport = world.open({ fetchBytes: 1 });
    await makeTopic(topic);
    await transport.publish(topic, [messageOf('a-0', 'a'), messageOf('gone-0', 'b')]);
    let n = 0;
    await untilGone(topic, '1', () => transport.publish(topic, [messageOf(`b-${n++}`, 'b')]));
    const ledger = createLedger();
    await transport.subscribe([topic], ledger.receive, { group: 'g', from: 'earliest' });
    await eventually(() => assert.ok(ledger.seen.has(`b-${n - 1}`), String([...ledger.seen])));
    assert.ok(ledger.seen.has('a-0') && !ledger.seen.has('gone-0'));
    await eventually(async () => {
      const { groups } = await transport.topology.describe(topic);
      assert.equal(groups.find(({ group }) => group === 'g')?.lag, 0);
    });
  });
});
