export type {
  AmqpChannel,
  AmqpConfirmChannel,
  AmqpConnection,
  AmqpFields,
  AmqpMessage,
  AmqpProperties,
} from './amqp.ts';
export {
  AdoptedMissingError,
  BrokerRefusedError,
  BrokerUnavailableError,
  ConnectionLostError,
  DeclarationMismatchError,
  ExchangeRefusedError,
  MessageRefusedError,
  PublishQueueFullError,
  PublishTimeoutError,
  TopicBusyError,
  UnroutableError,
  UnsendableError,
} from './errors.ts';
export type {
  AdoptedTopic,
  Adoption,
  RabbitmqTopic,
  RabbitmqTransportOptions,
  RawMessage,
  ReadMessage,
} from './options.ts';
export { rabbitmqTransport } from './transport.ts';
