import assert from 'node:assert/strict';
import { InvalidOptionError, isHoldfastError, type TopicRequest } from '@holdfast/core';
import { lockOf, queueOf } from '../src/names.ts';
import { type Adoption, type RabbitmqTransportOptions, readOptions } from '../src/options.ts';

const url = 'amqp://localhost';

describe('the options of the RabbitMQ transport', () => {
  it('are refused by name where they cannot work', () => {
    const wrongs: readonly (readonly [string, RabbitmqTransportOptions])[] = [
      ['url', {}],
      ['url', { url, connect: () => Promise.reject(new Error('not called')) }],
      ['url', { url: 'http://localhost' }],
      ['partitions', { url, partitions: 0 }],
      ['partitions', { url, partitions: 1_000 }],
      ['maxBodyBytes', { url, maxBodyBytes: 1e9 }],
      ['maxUnconfirmed', { url, maxUnconfirmed: 0 }],
      ['publishTimeoutMs', { url, publishTimeoutMs: 0.5 }],
      ['publishOrdering', { url, publishOrdering: 'some' as 'key' }],
      ['topics.orders.adopt', { url, topics: { orders: { adopt: {} } } }],
      ['prefetch', { url, prefetch: 3 } as RabbitmqTransportOptions],
      ['stream', { url, topics: { orders: { adopt: { queue: 'q', stream: 's' } as Adoption } } }],
      ['partition', { url, topics: { orders: { partition: 3 } as TopicRequest } }],
      ['partitions', { url, topics: { orders: { adopt: { queue: 'q' }, partitions: 7 } } }],
      ['groups', { url, topics: { orders: { adopt: { queue: 'q' }, groups: { g: 'latest' } } } }],
      ['topics.orders.adopt.routingKey', { url, topics: { orders: { adopt: { queue: 'q', routingKey: () => 'k' } } } }],
      ['topics.orders.adopt.deliveryLimit', { url, topics: { orders: { adopt: { queue: 'q', deliveryLimit: 0 } } } }],
      ['topics.orders.adopt.read', { url, topics: { orders: { adopt: { exchange: 'e', read: () => ({}) } } } }],
      ['topics.orders.adopt.deadTopic', { url, topics: { orders: { adopt: { exchange: 'e', deadTopic: 'd' } } } }],
      [
        'topics.orders.adopt.singleActiveConsumer',
        { url, topics: { orders: { adopt: { exchange: 'e', singleActiveConsumer: true } } } },
      ],
    ];
    for (const [option, wrong] of wrongs) {
      assert.throws(
        () => readOptions(wrong),
        (error) => error instanceof InvalidOptionError && error.option === option,
        `${option} of ${JSON.stringify(wrong)}`,
      );
    }
  });

  it('tell adopted topics from our own', () => {
    const { topics, adopted } = readOptions({ url, topics: { a: { partitions: 2 }, b: { adopt: { queue: 'q' } } } });
    assert.deepEqual(topics, { a: { partitions: 2 } });
    assert.deepEqual([...adopted], [['b', { queue: 'q' }]]);
  });
});

describe('the names of queues', () => {
  it('never meet, whatever is in a topic or group', () => {
    const names = [queueOf('a/b', 'c', 0), queueOf('a', 'b/c', 0), queueOf('a%2Fb', 'c', 0), lockOf('a', 'b', 0)];
    assert.equal(new Set(names).size, names.length);
  });

  it('are refused above 255 bytes', () => {
    assert.throws(
      () => queueOf('ä'.repeat(130), 'g', 0),
      (error) => isHoldfastError(error, 'name_too_long'),
    );
  });
});
