import type { DemoOptions } from './options.ts';

export interface DemoBroker {
  readonly brokerUrl: string;
  close(): Promise<void>;
}

/** The broker at `--broker-url`; else one that is started as the tests start theirs; none for the Postgres transport. */
export const startBroker = async ({ transport, brokerUrl }: DemoOptions): Promise<DemoBroker> => {
  if (transport === 'postgres' || brokerUrl !== undefined) return { brokerUrl: brokerUrl ?? '', close: async () => {} };
  const { sharedKafka, sharedRabbitmq, sharedRedis } = await import('../../integration/harness/index.ts');
  if (transport === 'kafka') {
    const server = await sharedKafka();
    return { brokerUrl: server.brokers.join(','), close: server.close };
  }
  const server = await (transport === 'rabbitmq' ? sharedRabbitmq() : sharedRedis());
  return { brokerUrl: server.url, close: server.close };
};
