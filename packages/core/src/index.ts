export type { Capabilities } from './capabilities.ts';
export { checkPublish } from './check-publish.ts';
export { checkSubscribe } from './check-subscribe.ts';
export { type Clock, sleep, systemClock } from './clock.ts';
export { type Codec, jsonCodec } from './codec.ts';
export { compose } from './compose.ts';
export { type ConfluentCodecOptions, ConfluentFormatError, confluentCodec } from './confluent-codec.ts';
export {
  type Contract,
  defineMessage,
  type InputOf,
  type MessageDefinition,
  type OutputOf,
  type Upcasts,
} from './contract.ts';
export { DecodeError, decodeMessage, payloadOf } from './decode-message.ts';
export type { Delivery, Receive } from './delivery.ts';
export {
  checkMessage,
  encodeMessage,
  InvalidMessageError,
  InvalidPayloadError,
  type SendOptions,
} from './encode-message.ts';
export {
  ClosedError,
  EarlierFailedError,
  GroupRunningError,
  HoldfastError,
  type HoldfastErrorOptions,
  InvalidOptionError,
  isHoldfastError,
  NotSentError,
  OversizedBodyError,
  TopologyMismatchError,
  UnknownTopicError,
  UnsupportedError,
} from './errors.ts';
export { explain, explainCapabilities } from './explain.ts';
export { guardTransport } from './guard-transport.ts';
export { guardHandler, type Handler, type Middleware } from './handler.ts';
export { headerNames, reservedHeaderPrefix } from './headers.ts';
export { type JsonMessagesOptions, jsonMessages } from './json-messages.ts';
export { consoleLog, type Log, silentLog } from './log.ts';
export type { Message } from './message.ts';
export { diagnosticsMeter, type Meter, type Metric } from './meter.ts';
export { ForeignFormatError, type NestMessagesOptions, nestMessages } from './nest-messages.ts';
export { type Policy, type PolicyLike, type PolicyObject, toPolicy } from './policy.ts';
export { PublishError, type PublishOutcome } from './publish-error.ts';
export { createPublisher, type Publisher, type PublishOptions } from './publisher.ts';
export { type MessageParts, type RawMessage, withParts } from './raw-message.ts';
export { refuseUnknown } from './refuse-unknown.ts';
export { requireWhole } from './require-whole.ts';
export { createRuntime, type Runtime, type Span, systemRuntime } from './runtime.ts';
export { ack, type Settlement } from './settlement.ts';
export { textOf } from './text-of.ts';
export type {
  AdoptedDescription,
  GroupDescription,
  SeekTarget,
  StartPosition,
  TopicDescription,
  TopicRequest,
  Topology,
  TopologyChange,
  TopologyRequest,
} from './topology.ts';
export type {
  Assignment,
  CloseOptions,
  Health,
  Ordering,
  SubscribeOptions,
  Subscription,
  Transport,
} from './transport.ts';
export { armTriggerPoints, reach, type TriggerPoint } from './trigger-point.ts';
export { settle, type Verdict } from './verdict.ts';
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
