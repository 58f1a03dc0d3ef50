import type { Delivery, Message } from '@holdfast/core';

const suffix = '.dead';

/** Where a topic's dead letters go when no store keeps them. */
export const deadTopicOf = (topic: string): string => `${topic}${suffix}`;

export const isDeadTopic = (topic: string): boolean => topic.endsWith(suffix);

/** The headers of a dead letter: where it comes from and why it is there. */
export const deadHeaderNames = {
  reason: 'holdfast-dead-reason',
  topic: 'holdfast-dead-topic',
  partition: 'holdfast-dead-partition',
  position: 'holdfast-dead-position',
  group: 'holdfast-dead-group',
  attempts: 'holdfast-dead-attempts',
  time: 'holdfast-dead-time',
  error: 'holdfast-dead-error',
} as const;

export interface DeathCertificate {
  readonly reason: string;
  /** What the last attempt threw. Only its class and the start of its text are kept. */
  readonly error?: unknown;
  /** Wall-clock milliseconds. */
  readonly failedAt: number;
}

/**
 * A delivery as a dead letter: the same message, with its history in `holdfast-dead-*` headers. Those of an earlier
 * death are replaced. Texts are cut to 500 characters and freed of control characters.
 */
export const deadMessage = (delivery: Delivery, { reason, error, failedAt }: DeathCertificate): Message => {
  const { message, topic, partition, position, group, attempt } = delivery;
  const { [deadHeaderNames.error]: _earlier, ...headers } = message.headers;
  return {
    ...message,
    headers: {
      ...headers,
      [deadHeaderNames.reason]: headerText(reason),
      [deadHeaderNames.topic]: topic,
      [deadHeaderNames.partition]: String(partition),
      [deadHeaderNames.position]: position,
      [deadHeaderNames.group]: group,
      [deadHeaderNames.attempts]: String(attempt),
      [deadHeaderNames.time]: new Date(failedAt).toISOString(),
      ...(error === undefined ? {} : { [deadHeaderNames.error]: headerText(describeError(error)) }),
    },
  };
};

/** Of a thrown value that is no error only its kind: turning it into text may fail, or tell what it should not. */
const describeError = (error: unknown): string => {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return typeof error === 'string' ? error : `something thrown that is no error, of type ${typeof error}`;
};

const maxTextLength = 500;

/** Any text as something that every broker's headers can carry. */
const headerText = (text: string): string =>
  text
    .slice(0, maxTextLength)
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ');
