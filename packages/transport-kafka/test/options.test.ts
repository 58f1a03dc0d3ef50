import assert from 'node:assert/strict';
import { InvalidOptionError } from '@holdfast/core';
import { Kafka, logLevel } from 'kafkajs';
import { kafkaTransport } from '../src/index.ts';
import type { KafkaTransportOptions } from '../src/options.ts';

const brokers = ['127.0.0.1:1'];

const refusedFor = (option: string, options: KafkaTransportOptions): void =>
  assert.throws(
    () => kafkaTransport(options),
    (error) => error instanceof InvalidOptionError && error.option === option,
  );

describe('options of the Kafka transport', () => {
  it('what cannot work is refused by its name', () => {
    refusedFor('brokers', {});
    refusedFor('brokers', { brokers: [] });
    refusedFor('brokers', { brokers, client: new Kafka({ brokers, logLevel: logLevel.NOTHING }) });
    refusedFor('brokers', { brokers: ['a:b:c'], platformatic: {} });
    refusedFor('platformatic', { client: new Kafka({ brokers, logLevel: logLevel.NOTHING }), platformatic: {} });
    refusedFor('platformatic.connectTimeout', { brokers, platformatic: { connectTimeout: 0 } });
    refusedFor('ssl', { brokers, ssl: true, platformatic: {} });
    refusedFor('sasl', { brokers, sasl: { mechanism: 'plain', username: '', password: '' }, platformatic: {} });
    const client = new Kafka({ brokers, logLevel: logLevel.NOTHING });
    refusedFor('clientId', { client, clientId: 'shop' });
    refusedFor('ssl', { client, ssl: true });
    refusedFor('sasl', { client, sasl: { mechanism: 'plain', username: '', password: '' } });
    refusedFor('partitions', { brokers, partitions: 0 });
    refusedFor('maxBodyBytes', { brokers, maxBodyBytes: -1 });
    refusedFor('heartbeatMs', { brokers, sessionTimeoutMs: 6_000, heartbeatMs: 5_000 });
    refusedFor('fetchWaitMs', { brokers, requestTimeoutMs: 1_000, fetchWaitMs: 900 });
  });

  it('what is not known is refused by its name', () => {
    const unknown = (options: object, option: string) =>
      refusedFor(option, { brokers, ...options } as unknown as KafkaTransportOptions);
    unknown({ sessionTimeoutMS: 1 }, 'sessionTimeoutMS');
    unknown({ driver: 'kafkajs' }, 'driver');
    unknown({ platformatic: { ssl: true } }, 'ssl');
    unknown({ topics: { orders: { partition: 3 } } }, 'partition');
    unknown({ topics: { orders: { adopt: { deadTopic: null, queue: 'q' } } } }, 'queue');
  });

  it('an adopted topic says where its dead letters go, or that they go nowhere', () => {
    const adopting = (adopt: object) =>
      ({ brokers, topics: { orders: { adopt } } }) as unknown as KafkaTransportOptions;
    refusedFor('topics.orders.adopt.deadTopic', adopting({ topic: 'theirs' }));
    kafkaTransport(adopting({ deadTopic: 'theirs-failed' }));
    kafkaTransport(adopting({ deadTopic: null }));
  });

  it('neither brokers nor a client is spoken to before it is used', async () => {
    await kafkaTransport({ brokers }).close();
    await kafkaTransport({ brokers, platformatic: {} }).close();
    await kafkaTransport({ client: new Kafka({ brokers, logLevel: logLevel.NOTHING }) }).close();
  });
});
