export {
  AuthenticationError,
  BrokerUnreachableError,
  NoAnswerError,
  OversizedRecordError,
  RefusedError,
} from './errors.ts';
export { MembershipLostError } from './member.ts';
export type { AdoptedTopic, KafkaTopicRequest, KafkaTransportOptions } from './options.ts';
export { kafkaTransport } from './transport.ts';
export type { RawRecord, ReadRaw } from './wire.ts';
