/** Where a broker listens: for clients, for itself, and for its controller. */
export interface BrokerPorts {
  readonly client: number;
  readonly internal: number;
  readonly controller: number;
}

/** The configuration of a broker that is also its own controller. It is small: one node, few threads, few internal partitions. */
export const brokerConfig = (ports: BrokerPorts, host: string, advertised: string): Record<string, string> => ({
  'node.id': '1',
  'process.roles': 'broker,controller',
  'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'INTERNAL',
  listeners: `CLIENT://${host}:${ports.client},INTERNAL://127.0.0.1:${ports.internal},CONTROLLER://127.0.0.1:${ports.controller}`,
  'advertised.listeners': `CLIENT://${advertised},INTERNAL://127.0.0.1:${ports.internal}`,
  'listener.security.protocol.map': 'CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  // Tests of members that die wait for a session of less than the usual six seconds.
  'group.min.session.timeout.ms': '100',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'share.coordinator.state.topic.num.partitions': '1',
  // A node that was killed is taken back when its last session is over.
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  'num.network.threads': '1',
  'num.io.threads': '2',
  'background.threads': '2',
  'log.cleaner.enable': 'false',
});

/** As Kafka reads it from a file. */
export const propertiesText = (config: Readonly<Record<string, string>>): string =>
  Object.entries(config)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
