import type { KafkaDriver } from './driver.ts';
import { AuthenticationError, BrokerUnreachableError } from './errors.ts';

/** What the failure of a batch says of it. */
export type ProduceAnswer =
  | 'stored'
  /** It did not leave. */
  | 'not-sent'
  /** Refused, and it will be again. */
  | 'refused'
  | 'too-large'
  /** One record of it, or several, can never be stored. */
  | 'invalid'
  /** The broker does not know the producer, or another number of its records. */
  | 'bad-sequence'
  /** Not stored for now: another broker leads, replicas are missing, or the topic is not known yet. */
  | 'not-now'
  /** It may have been stored. */
  | 'maybe';

export const answerOf = (driver: Pick<KafkaDriver, 'codeOf'>, error: unknown): ProduceAnswer => {
  if (error instanceof AuthenticationError) return 'refused';
  if (error instanceof BrokerUnreachableError) return 'not-sent';
  const code = driver.codeOf(error);
  if (code === undefined) return 'maybe';
  return answers.get(code) ?? 'maybe';
};

const answers: ReadonlyMap<string, ProduceAnswer> = new Map([
  ['DUPLICATE_SEQUENCE_NUMBER', 'stored'],
  ['MESSAGE_TOO_LARGE', 'too-large'],
  ['RECORD_LIST_TOO_LARGE', 'too-large'],
  ['INVALID_RECORD', 'invalid'],
  ['UNKNOWN_TOPIC_OR_PARTITION', 'not-now'],
  ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'bad-sequence'],
  ['UNKNOWN_PRODUCER_ID', 'bad-sequence'],
  ['INVALID_PRODUCER_EPOCH', 'bad-sequence'],
  ['INVALID_PRODUCER_ID_MAPPING', 'bad-sequence'],
  ['LEADER_NOT_AVAILABLE', 'not-now'],
  ['NOT_LEADER_FOR_PARTITION', 'not-now'],
  ['FENCED_LEADER_EPOCH', 'not-now'],
  ['UNKNOWN_LEADER_EPOCH', 'not-now'],
  ['NOT_ENOUGH_REPLICAS', 'not-now'],
  ['REPLICA_NOT_AVAILABLE', 'not-now'],
  ['BROKER_NOT_AVAILABLE', 'not-now'],
  ['CORRUPT_MESSAGE', 'not-now'],
  ...(
    [
      'INVALID_TOPIC_EXCEPTION',
      'TOPIC_AUTHORIZATION_FAILED',
      'CLUSTER_AUTHORIZATION_FAILED',
      'INVALID_REQUIRED_ACKS',
      'INVALID_TIMESTAMP',
      'UNSUPPORTED_VERSION',
      'UNSUPPORTED_FOR_MESSAGE_FORMAT',
      'UNSUPPORTED_COMPRESSION_TYPE',
      'POLICY_VIOLATION',
      'INVALID_REQUEST',
    ] as const
  ).map((code) => [code, 'refused'] as const),
]);
