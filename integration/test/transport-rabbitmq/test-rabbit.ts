import { randomUUID } from 'node:crypto';
import { createRuntime, type Message, type Runtime, silentLog, type Transport } from '@holdfast/core';
import { type RabbitmqTransportOptions, rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { type RabbitmqServer, sharedRabbitmq } from '../../harness/index.ts';

/** A RabbitMQ with what a test needs of it; what it hands out ends with `close`. */
export interface TestRabbit {
  readonly url: string;
  /** A new transport. Default: quiet, with short waits. */
  open(options?: Partial<RabbitmqTransportOptions>): Transport;
  /** The raw client, on a connection of its own. */
  raw(): Promise<ConfirmChannel>;
  /** A name that nobody else uses. */
  name(label: string): string;
  close(): Promise<void>;
}

export const quiet: Partial<Runtime> = { log: silentLog };

export const openTestRabbit = async (server?: RabbitmqServer): Promise<TestRabbit> => {
  const { url } = server ?? (await sharedRabbitmq());
  const transports: Transport[] = [];
  const connections: ChannelModel[] = [];
  return {
    url,
    name: (label) => `${label}-${randomUUID().slice(0, 8)}`,
    open: (options = {}) => {
      const transport = rabbitmqTransport({
        ...{ runtime: createRuntime(quiet), balanceMs: 100, connectTimeoutMs: 5_000 },
        ...(options.connect === undefined ? { url } : {}),
        ...options,
      });
      transports.push(transport);
      return transport;
    },
    raw: async () => {
      const connection = await connect(url, { noDelay: true });
      connection.on('error', () => {});
      connections.push(connection);
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => {});
      return channel;
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close({ deadlineMs: 1_000 })));
      await Promise.all(connections.map((connection) => connection.close().catch(() => {})));
    },
  };
};

export const messageOf = (id: string, key?: string): Message => ({
  ...{ id, type: 'test.happened', headers: { 'content-type': 'application/json' } },
  ...(key === undefined ? {} : { key }),
  body: Buffer.from(JSON.stringify({ id })),
});
