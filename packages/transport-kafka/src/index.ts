export {
  AuthenticationError,
  BrokerUnreachableError,
  MembershipLostError,
  NoAnswerError,
  NoLeaderError,
  OversizedRecordError,
  RefusedError,
} from './errors.ts';
export type { AdoptedTopic, KafkaTopicRequest, KafkaTransportOptions } from './options.ts';
export { kafkaTransport } from './transport.ts';
export type { RawRecord, ReadRaw } from './wire.ts';
