import { createRuntime, type Message, type Transport } from '@holdfast/core';
import { type KafkaTransportOptions, kafkaTransport } from '@holdfast/transport-kafka';
import { freePort, type KafkaServer, ownKafka, type TcpProxy, tcpProxy } from '../../harness/index.ts';

/** What a transport of a test has logged. */
export interface Logged {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

export interface KafkaWorld {
  /** A transport that is closed in the end. Its sessions are short. */
  open(options?: Partial<KafkaTransportOptions>): Transport;
  readonly logs: readonly Logged[];
  /** What the transports have counted, by its name. */
  readonly counted: ReadonlyMap<string, number>;
  /** What their gauges stand at. */
  readonly gauges: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** A client library that the transport works over, and the options that choose it. */
export interface KafkaClient {
  readonly client: string;
  readonly options: Pick<KafkaTransportOptions, 'platformatic'>;
  /** How its requests to commit begin: their number in the protocol, 8, and the version that it speaks. */
  readonly commitRequest: string;
}

/** What is about requests and connections is tested over each of them. */
export const kafkaClients: readonly KafkaClient[] = [
  { client: 'kafkajs', options: {}, commitRequest: '\0\x08\0\x05' },
  { client: '@platformatic/kafka', options: { platformatic: {} }, commitRequest: '\0\x08\0\x08' },
];

// The tests use plain kafkajs, too, which warns of its own timers until there is a transport over it that mends them.
kafkaTransport({ brokers: ['127.0.0.1:1'] });

/** Transports onto a Kafka that somebody else has started, over kafkajs unless the options say otherwise. */
export const kafkaWorld = (brokers: readonly string[], over: KafkaClient['options'] = {}): KafkaWorld => {
  const transports: Transport[] = [];
  const logs: Logged[] = [];
  const log =
    (level: Logged['level']) =>
    (fields: object, message: string): void => {
      logs.push({ level, fields, message });
    };
  const counted = new Map<string, number>();
  const gauges = new Map<string, number>();
  const runtime = createRuntime({
    log: { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') },
    meter: {
      count: (name, by) => void counted.set(name, (counted.get(name) ?? 0) + by),
      gauge: (name, value) => void gauges.set(name, value),
      record: () => {},
    },
  });
  return {
    logs,
    counted,
    gauges,
    open: (options = {}) => {
      const transport = kafkaTransport({
        ...{ runtime, sessionTimeoutMs: 3_000, heartbeatMs: 100, fetchWaitMs: 50 },
        ...(options.client === undefined ? { brokers, ...over } : {}),
        ...options,
      });
      transports.push(transport);
      return transport;
    },
    close: async () => {
      await Promise.all(transports.map((transport) => transport.close({ deadlineMs: 1_000 })));
    },
  };
};

/** A Kafka of one's own, whose clients all come through a proxy. */
export const proxiedKafka = async (): Promise<{ readonly server: KafkaServer; readonly proxy: TcpProxy }> => {
  const port = await freePort();
  const proxy = await tcpProxy({ targetPort: port });
  const server = await ownKafka({ port, advertised: `127.0.0.1:${proxy.port}` });
  return { server, proxy };
};

export const messageOf = (id: string, key?: string, body: string | Uint8Array = id): Message => ({
  id,
  type: 'order.placed',
  ...(key === undefined ? {} : { key }),
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? Buffer.from(JSON.stringify(body)) : body,
});
