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
  firstFailed: 'holdfast-dead-first-failed',
  lastFailed: 'holdfast-dead-last-failed',
  /** JSON: a list of {@link AttemptFailure}, oldest first. */
  failures: 'holdfast-dead-failures',
} as const;

/** What one attempt failed of. */
export interface AttemptFailure {
  /** Wall-clock milliseconds. */
  readonly at: number;
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly process: string;
}

export interface DeathCertificate {
  readonly reason: string;
  /** What the last attempt threw. Only its class and the start of its text are kept. */
  readonly error?: unknown;
  /** Wall-clock milliseconds. */
  readonly failedAt: number;
  /** Its failed attempts as far as they are known, oldest first. */
  readonly failures?: readonly AttemptFailure[] | undefined;
}

/**
 * A delivery as a dead letter: the same message, with its history in `holdfast-dead-*` headers. Those of an earlier
 * death are replaced. Texts are cut to 500 characters and freed of control characters; of its failures the first and the last
 * nine are kept, fewer where they would take more than 8,192 characters.
 */
export const deadMessage = (
  delivery: Delivery,
  { reason, error, failedAt, failures = [] }: DeathCertificate,
): Message => {
  const { message, topic, partition, position, group, attempt } = delivery;
  const headers = Object.fromEntries(Object.entries(message.headers).filter(([name]) => !earlier.has(name)));
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
      ...historyOf(failures),
    },
  };
};

const earlier: ReadonlySet<string> = new Set(Object.values(deadHeaderNames));

const maxFailures = 10;
const maxHistoryLength = 8_192;

const historyOf = (failures: readonly AttemptFailure[]): Readonly<Record<string, string>> => {
  const [first] = failures;
  const last = failures.at(-1);
  if (first === undefined || last === undefined) return {};
  // The first says what began it, the last ones what it has become.
  const kept = (failures.length > maxFailures ? [first, ...failures.slice(1 - maxFailures)] : failures).map(entryOf);
  while (kept.length > 1 && JSON.stringify(kept).length > maxHistoryLength) kept.splice(kept.length > 2 ? 1 : 0, 1);
  return {
    [deadHeaderNames.firstFailed]: new Date(first.at).toISOString(),
    [deadHeaderNames.lastFailed]: new Date(last.at).toISOString(),
    [deadHeaderNames.failures]: JSON.stringify(kept),
  };
};

const entryOf = ({ at, name, message, stack, process }: AttemptFailure): AttemptFailure => ({
  ...{ at, name: headerText(name), message: headerText(message) },
  // Its line ends are escaped by JSON.
  ...(stack !== undefined && {
    stack: stack.split('\n').map(headerText).join('\n').slice(0, maxStackLength).toWellFormed(),
  }),
  process: headerText(process),
});

/** Of a thrown value that is no error only its kind: turning it into text may fail, or tell what it should not. */
const describeError = (error: unknown): string => {
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return typeof error === 'string' ? error : `something thrown that is no error, of type ${typeof error}`;
};

const maxTextLength = 500;
const maxStackLength = 1_000;

/** Any text, cut, as something that every broker's headers can carry. */
export const headerText = (text: string): string =>
  text
    .slice(0, maxTextLength)
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ');
