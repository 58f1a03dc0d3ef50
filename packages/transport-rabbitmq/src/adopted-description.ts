import type { TopicDescription } from '@holdfast/core';
import type { QueueCounts } from './amqp.ts';
import type { ForeignTopic } from './topics.ts';

/** What the broker and this transport know of an adopted queue. */
export interface QueueState extends QueueCounts {
  /** That reads it, as far as this transport knows. */
  readonly group: string | undefined;
}

/**
 * An adopted topic for people. AMQP tells how many messages and consumers a queue has, and neither how it was declared nor
 * who reads it: what is only said by the options, or not known, is called so. `state`: undefined where only an exchange was adopted.
 */
export const describeAdopted = (
  { adoption }: ForeignTopic,
  state: QueueState | undefined,
): Pick<TopicDescription, 'adopted' | 'deadTopic'> => {
  const { queue, exchange, singleActiveConsumer = false, deadTopic } = adoption;
  const parts = [queue && `queue '${queue}'`, exchange !== undefined && `exchange '${exchange}'`].filter(Boolean);
  const notes = {
    ...(state === undefined ? exchangeNotes : queueNotes(adoption, state)),
    ...(exchange === undefined ? { publishing: 'not possible: no exchange was adopted' } : {}),
  };
  return {
    adopted: { what: parts.join(' and '), keyOrder: singleActiveConsumer, notes },
    ...(deadTopic === undefined ? {} : { deadTopic }),
  };
};

const exchangeNotes = {
  groups: 'none: an exchange cannot be subscribed to, and AMQP does not tell which queues are bound to it',
  order: 'the messages of a key are published one after another',
  'dead letters': 'none: nothing is consumed',
  durability: 'that of the queues which are bound to it; the messages are published as persistent',
  'new groups': 'none',
  balance: 'none: nothing is consumed',
  retries: 'none: nothing is consumed',
};

const queueNotes = (
  { singleActiveConsumer, deliveryLimit }: ForeignTopic['adoption'],
  { group, messageCount, consumerCount }: QueueState,
): Record<string, string> => ({
  groups:
    `one, whoever reads the queue: ${group === undefined ? 'not known in this process' : `'${group}' in this process`}; ` +
    `${counted(messageCount, 'message')} ready, ${counted(consumerCount, 'consumer')}`,
  ...(singleActiveConsumer === true
    ? { order: 'the messages of a key come one after another, if the queue has x-single-active-consumer, as was said' }
    : {}),
  durability: 'not known: as the queue was declared and its messages were published, which AMQP does not tell',
  'new groups':
    "none: a second group would take a part of the first one's messages. What waits comes, whatever `from` says",
  balance:
    singleActiveConsumer === true
      ? 'one process has the queue'
      : 'the broker shares the messages out over all consumers',
  'delivery limit':
    `${deliveryLimit === undefined ? 'not known, 20 by default for quorum queues of RabbitMQ 4' : deliveryLimit}; what ` +
    'crashes or long pauses hand back more often is dropped or dead-lettered by the queue',
});

const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
