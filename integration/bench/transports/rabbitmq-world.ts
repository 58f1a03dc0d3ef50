import type { Message, Transport } from '@holdfast/core';
import { type RabbitmqTransportOptions, rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { ownRabbitmq } from '../../harness/index.ts';

const bodyBytes = 500;
const keys = 1_000;

/** A RabbitMQ of its own, with our transport and the raw client. */
export interface RabbitmqWorld {
  readonly topic: string;
  /** The queues of the topic's one group. */
  readonly queues: readonly string[];
  readonly raw: ConfirmChannel;
  readonly connection: ChannelModel;
  open(options?: Partial<RabbitmqTransportOptions>): Transport;
  /** Empties the queues, so that each side begins with the same. */
  purge(): Promise<void>;
  close(): Promise<void>;
}

export const group = 'workers';

export const openRabbitmqWorld = async (partitions: number): Promise<RabbitmqWorld> => {
  const server = await ownRabbitmq();
  const topic = 'orders';
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
    ...{ topic, queues, raw, connection, open },
    purge: async () => {
      for (const queue of queues) await raw.purgeQueue(queue);
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      await connection.close();
      await server.close();
    },
  };
};

/** `count` messages of 500 bytes over 1,000 keys. */
export const makeMessages = (count: number): readonly Message[] => {
  const body = Buffer.from(JSON.stringify({ note: 'x'.repeat(bodyBytes - '{"note":""}'.length) }));
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: crypto.randomUUID(), type: 'order.placed', key: `customer ${n % keys}`, body },
    headers: { 'content-type': 'application/json' },
  }));
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
