import { InvalidOptionError, type Runtime, refuseUnknown, requireWhole } from '@holdfast/core';
import { loadClient } from './client-package.ts';
import type { KafkaDriver } from './driver.ts';
import type { KafkajsClient, KafkajsSasl, KafkajsSsl } from './kafkajs-client.ts';
import { kafkajsDriver } from './kafkajs-driver.ts';
import { platformaticDriver } from './platformatic-driver.ts';
import type { PlatformaticOptions } from './platformatic-options.ts';

/** By which client, and to whom. */
export interface ClientOptions {
  /** A client of kafkajs 2.2.4 or newer. Its retries and timeouts for connections hold, and it logs as it is told to. */
  readonly client?: KafkajsClient | undefined;
  /** Instead of a client: the addresses to start from, `host:port`. The client is made of these options, kafkajs's if nothing else is said. */
  readonly brokers?: readonly string[] | undefined;
  readonly clientId?: string | undefined;
  /** For kafkajs. */
  readonly ssl?: KafkajsSsl | undefined;
  /** For kafkajs. */
  readonly sasl?: KafkajsSasl | undefined;
  /**
   * Beside `brokers`: speak to them by `@platformatic/kafka` 1.35 or newer in place of kafkajs; `{}`, or how it connects. That
   * package is loaded when the transport is first used, and kafkajs is not; where it is not installed, that rejects with
   * `client_missing`. Partitions, groups, topics and promises are the same, so that one process after another can change over.
   * It publishes faster and reads every compression; brokers from Kafka 3.0 on.
   */
  readonly platformatic?: PlatformaticOptions | undefined;
}

/** Their names. */
export const clientOptions: readonly (keyof ClientOptions)[] = [
  'client',
  'brokers',
  'clientId',
  'ssl',
  'sasl',
  'platformatic',
];

interface Chosen {
  readonly runtime: Runtime;
  readonly requestTimeoutMs: number;
}

/** The driver on the client that the options ask for. Throws `invalid_option` where they ask for none, or for two. */
export const chooseDriver = (options: ClientOptions, { runtime, requestTimeoutMs }: Chosen): KafkaDriver => {
  const { client, brokers, clientId = 'holdfast', platformatic } = options;
  if (client !== undefined && platformatic !== undefined) {
    throw new InvalidOptionError('platformatic', 'give either a `client` of kafkajs, or `brokers` and `platformatic`');
  }
  if (client !== undefined && brokers === undefined) {
    for (const option of ['clientId', 'ssl', 'sasl'] as const)
      if (options[option] !== undefined) throw forBrokers(option);
    return kafkajsDriver(async () => client);
  }
  if (client !== undefined || brokers === undefined || brokers.length === 0) {
    throw new InvalidOptionError('brokers', 'give either `brokers`, at least one, or a `client`');
  }
  if (platformatic === undefined) return kafkajsDriver(kafkajsOf(options, brokers, { runtime, requestTimeoutMs }));
  if (options.ssl !== undefined) throw forKafkajs('ssl', 'tls');
  if (options.sasl !== undefined) throw forKafkajs('sasl', 'sasl');
  refuseUnknown('platformatic', ['connectTimeout', 'tls', 'tlsServerName', 'sasl'], platformatic);
  if (platformatic.connectTimeout !== undefined) {
    requireWhole('platformatic.connectTimeout', platformatic.connectTimeout, 1);
  }
  return platformaticDriver({
    ...{ clientId, requestTimeoutMs, connecting: platformatic, clock: runtime.clock },
    brokers: brokers.map(addressOf),
  });
};

const forBrokers = (option: string): InvalidOptionError =>
  new InvalidOptionError(
    option,
    'it goes with `brokers`, and would change nothing of a `client`; give it to the client',
  );

const forKafkajs = (option: string, theirs: string): InvalidOptionError =>
  new InvalidOptionError(option, `it is for kafkajs; give \`platformatic: { ${theirs} }\``);

/** One client for all links, made when the first of them is used. */
const kafkajsOf = (
  { clientId, ssl, sasl }: ClientOptions,
  brokers: readonly string[],
  { runtime: { log }, requestTimeoutMs }: Chosen,
): (() => Promise<KafkajsClient>) => {
  const make = async (): Promise<KafkajsClient> => {
    const { Kafka, logLevel } = await loadClient('kafkajs', () => import('kafkajs'));
    return new Kafka({
      brokers: [...brokers],
      clientId: clientId ?? 'holdfast',
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      connectionTimeout: Math.min(5_000, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      retry: { initialRetryTime: 100, retries: 4 },
      logLevel: logLevel.WARN,
      // What matters of it comes back as an error; its own lines are for those who look for them.
      logCreator: () => (entry) => log.debug({ kafkajs: entry.namespace }, entry.log.message),
    });
  };
  let made: Promise<KafkajsClient> | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/** `host:port`, and `[host]:port` for one that has colons itself. */
const addressOf = (broker: string): { readonly host: string; readonly port: number } => {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(broker) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new InvalidOptionError('brokers', `found '${broker}'; expected \`host:port\``);
  return { host, port: Number(port ?? defaultPort) };
};

const defaultPort = 9_092;
