import assert from 'node:assert/strict';
import { explain } from '@holdfast/core';
import { kafkaTransport } from '@holdfast/transport-kafka';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { redisTransport } from '@holdfast/transport-redis';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { sharedKafka, sharedRabbitmq, sharedRedis } from '../../harness/index.ts';

const notOurs = 'never declared, changed, trimmed or deleted by Holdfast';

describe('explain of what was adopted', function () {
  this.timeout(60_000);
  const name = `adopted-${crypto.randomUUID()}`;

  it('P9: a queue that several consumers share keeps no order, and is not ours', async () => {
    const { url } = await sharedRabbitmq();
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue(name, { durable: true });
    channel.sendToQueue(name, Buffer.from('{}'));
    await channel.waitForConfirms();
    await using transport = rabbitmqTransport({
      url,
      topics: { orders: { adopt: { queue: name, deadTopic: 'failed' } } },
    });
    const text = await explain(transport, 'orders');
    assert.match(text, new RegExp(`by somebody else: queue '${name}'; ${notOurs}`));
    assert.match(text, /order +not kept: several consumers share it/);
    assert.match(text, /go to 'failed'/);
    assert.match(text, /groups +one, whoever reads the queue: not known in this process; 1 message ready, 0 consumers/);
    assert.match(text, /durability +not known/);
    assert.match(text, /new groups +none: .* whatever `from` says/);
    assert.match(text, /delivery limit +not known, 20 by default/);
    assert.match(text, /publishing +not possible/);
    await connection.close();
  });

  it('P9: a stream without a dead topic says that dead letters need a database', async () => {
    const { url } = await sharedRedis();
    const redis = new Redis(url);
    await redis.xgroup('CREATE', name, 'billing', '0', 'MKSTREAM');
    await redis.xadd(name, '*', 'body', '{}');
    await using transport = redisTransport({ url, topics: { orders: { adopt: { stream: name, deadTopic: null } } } });
    const text = await explain(transport, 'orders');
    assert.match(text, new RegExp(`by somebody else: stream '${name}'; ${notOurs}`));
    assert.match(text, /'billing' has 1 message to settle/);
    assert.match(text, /dead letters +go nowhere without a database/);
    redis.disconnect();
  });

  it('P9: a topic of Kafka is named as the broker names it', async () => {
    const { brokers } = await sharedKafka();
    await using transport = kafkaTransport({
      brokers,
      topics: { orders: { adopt: { topic: name, deadTopic: null } } },
    });
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.createTopics({ topics: [{ topic: name, numPartitions: 3 }] });
    const text = await explain(transport, 'orders');
    assert.match(text, new RegExp(`by somebody else: topic '${name}'; ${notOurs}`));
    assert.match(text, /partitions +3; a key is in partition murmur2\(key\) % 3/);
    assert.match(text, /dead letters +go nowhere without a database/);
    await admin.disconnect();
  });
});
