import type { Question } from '../ask.ts';
import { kafkaBrokers } from './kafka-brokers.ts';
import { kafkaFeatureLevel } from './kafka-feature-level.ts';
import type { KafkaSettings } from './kafka-server.ts';

/** What makes the clients' listener ask for a login; the broker's own stay as they are. */
export const loginConfig = ({ login }: KafkaSettings): Readonly<Record<string, string>> => {
  if (login === undefined) return {};
  const { username, password } = login;
  return {
    'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'listener.name.client.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.client.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
  };
};

/** What a broker answers once it can be used; to a stranger where one has to log in. */
export const readyQuestion = (host: string, port: number, { login }: KafkaSettings): Question<unknown> =>
  login === undefined ? kafkaBrokers(host, port) : kafkaFeatureLevel(host, port);
