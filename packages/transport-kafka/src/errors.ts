import { HoldfastError, textOf } from '@holdfast/core';

/** No broker could be reached. */
export class BrokerUnreachableError extends HoldfastError {
  override readonly code = 'broker_unreachable';
  constructor(cause: unknown) {
    super(`no Kafka broker can be reached (${textOf(cause)}); check the addresses, and that the brokers run`, {
      cause,
      retryable: true,
    });
  }
}

/** The package of the client library that was asked for is not there, or does not load. */
export class ClientMissingError extends HoldfastError {
  override readonly code = 'client_missing';
  readonly packageName: string;
  constructor(packageName: string, cause: unknown) {
    super(
      `the Kafka client '${packageName}' that the options ask for cannot be loaded (${textOf(cause)}); ` +
        `install it beside @holdfast/transport-kafka: npm install ${packageName}`,
      { cause },
    );
    this.packageName = packageName;
  }
}

/** What a partition has next is of a form or a compression that the client library does not read. */
export class UnreadableRecordsError extends HoldfastError {
  override readonly code = 'unreadable_records';
  constructor(topic: string, partition: number, cause?: unknown) {
    super(
      `partition ${partition} of topic '${topic}' has records that the Kafka client cannot decode` +
        `${cause === undefined ? ': they are of the format from before Kafka 0.11' : ` (${textOf(cause)})`}; ` +
        'use another client for it, or move the group past them',
      { cause },
    );
  }
}

/** A partition has no broker that leads it: those that have its replicas are away, or are choosing one. */
export class NoLeaderError extends HoldfastError {
  override readonly code = 'no_leader';
  /** As the protocol names it, as with every error that a broker answers. */
  readonly type = 'LEADER_NOT_AVAILABLE';
  constructor(what: string) {
    super(`${what} has no leader at the moment; check that the brokers with its replicas run`, { retryable: true });
  }
}

/** The brokers answer, and what was asked for is still being chosen or read: a coordinator, a leader, the positions of a group. */
export class NotReadyError extends HoldfastError {
  override readonly code = 'not_ready';
  constructor(kafkaCode: string, afterMs: number, cause: unknown) {
    super(
      `Kafka is not ready after ${Math.round(afterMs)} ms: ${kafkaCode}; try again, and check that enough brokers run for its ` +
        'internal topics (offsets.topic.replication.factor)',
      { cause, retryable: true },
    );
  }
}

/** The brokers turned the credentials down. Trying again cannot help. */
export class AuthenticationError extends HoldfastError {
  override readonly code = 'authentication_failed';
  constructor(cause: unknown) {
    super(`Kafka refused the credentials (${textOf(cause)}); correct them and create the transport anew`, { cause });
  }
}

/** A message that is larger, with its key and headers, than its topic takes. */
export class OversizedRecordError extends HoldfastError {
  override readonly code = 'oversized_record';
  constructor(topic: string, bytes: number, cause: unknown) {
    super(
      `a message of about ${bytes} bytes with key and headers is more than topic '${topic}' takes; ` +
        'send less, or raise max.message.bytes of the topic',
      { cause },
    );
  }
}

/** A broker answered a request with an error that trying again does not change. */
export class RefusedError extends HoldfastError {
  override readonly code = 'refused';
  readonly kafkaCode: string;
  constructor(what: string, kafkaCode: string, cause: unknown) {
    super(`Kafka refused to ${what}: ${kafkaCode}`, { cause });
    this.kafkaCode = kafkaCode;
  }
}

/** A broker did not answer in time. What was asked may have been done. */
export class NoAnswerError extends HoldfastError {
  override readonly code = 'no_answer';
  constructor(what: string, afterMs: number, cause?: unknown) {
    super(`Kafka has not answered a request to ${what} for ${Math.round(afterMs)} ms`, { cause, retryable: true });
  }
}

/** The topic was deleted and made anew: what was in hand of it is not in it any more. */
export class TopicRemadeError extends HoldfastError {
  override readonly code = 'topic_remade';
  constructor(topic: string) {
    super(`topic '${topic}' was deleted and made anew; its group goes on from the oldest message there is`, {
      retryable: true,
    });
  }
}

/** The group no longer counts on this member, so its partitions may be with others. */
export class MembershipLostError extends HoldfastError {
  override readonly code = 'membership_lost';
  constructor(group: string, why: string) {
    super(`the membership of group '${group}' is lost: ${why}; joining again`, { retryable: true });
  }
}
