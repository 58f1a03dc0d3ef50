export {
  AuthenticationError,
  BrokerUnreachableError,
  ClientMissingError,
  MembershipLostError,
  NoAnswerError,
  NoLeaderError,
  NotReadyError,
  OversizedRecordError,
  RefusedError,
  TopicRemadeError,
  UnreadableRecordsError,
} from './errors.ts';
export type { KafkajsClient, KafkajsSasl, KafkajsSsl } from './kafkajs-client.ts';
export type { AdoptedTopic, KafkaTopicRequest, KafkaTransportOptions } from './options.ts';
export type { PlatformaticOptions, PlatformaticSasl } from './platformatic-options.ts';
export { kafkaTransport } from './transport.ts';
export type { RawRecord, ReadRaw } from './wire.ts';
