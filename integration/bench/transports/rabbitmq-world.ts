import type { Message, Transport } from '@holdfast/core';
import { type RabbitmqTransportOptions, rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { ownRabbitmq } from '../../harness/index.ts';
import { type BrokerWorld, group, topic } from './broker-world.ts';

/** A RabbitMQ of its own, with our transport and the raw client. */
export interface RabbitmqWorld extends BrokerWorld {
  /** The queues of the topic's one group. */
  readonly queues: readonly string[];
  readonly raw: ConfirmChannel;
  readonly connection: ChannelModel;
  open(options?: Partial<RabbitmqTransportOptions>): Transport;
}

export const openRabbitmqWorld = async (partitions: number): Promise<RabbitmqWorld> => {
  const server = await ownRabbitmq();
  const transports: Transport[] = [];
  const open = (options: Partial<RabbitmqTransportOptions> = {}): Transport => {
    const transport = rabbitmqTransport({ url: server.url, ...options });
    transports.push(transport);
    return transport;
  };
  await open().topology.apply({ topics: { [topic]: { partitions, groups: { [group]: 'latest' } } } });
  const connection = await connect(server.url, { noDelay: true });
  const raw = await connection.createConfirmChannel();
  const queues = Array.from({ length: partitions }, (_, partition) => `${topic}/${group}/${partition}`);
  return {
    ...{ topic, address: server.url, queues, raw, connection, open },
    empty: async () => {
      for (const queue of queues) await raw.purgeQueue(queue);
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      await connection.close();
      await server.close();
    },
  };
};

/** As somebody would publish it who does so by hand. */
export const publishRaw = (
  channel: ConfirmChannel,
  exchange: string,
  routingKey: string,
  { id, type, key, body }: Message,
): Promise<void> =>
  new Promise((resolve, reject) => {
    channel.publish(
      exchange,
      routingKey,
      body as Buffer,
      {
        ...{ mandatory: true, persistent: true, messageId: id, type, contentType: 'application/json' },
        headers: { key },
      },
      (error) => (error ? reject(error) : resolve()),
    );
  });
