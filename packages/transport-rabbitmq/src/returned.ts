import type { PublishOutcome, Runtime } from '@holdfast/core';
import { isDeadTopic } from '@holdfast/flow';
import type { AmqpConnection } from './amqp.ts';
import { UnroutableError } from './errors.ts';
import { ok, type Sending } from './sending.ts';
import { declareGroup, type OwnTopic, type Topics } from './topics.ts';

export interface ReturnedOptions {
  readonly topics: Topics;
  readonly connection: () => Promise<AmqpConnection>;
  /** Where the dead letters of adopted topics go. */
  readonly deadTopics: ReadonlySet<string | undefined>;
  readonly runtime: Runtime;
}

/** The group that keeps dead letters which nobody reads yet: dead letters must be stored. */
const keepingGroup = 'unread';
/** How long it is believed that a topic has no group. */
const believedMs = 1_000;

/**
 * What becomes of a message that no queue took. A topic without a group keeps nothing, and nobody is to see the message;
 * that is counted. A dead topic without a group gets one first. Everything else is a failure: of a topic with groups, queues
 * were deleted beneath, and are declared again.
 */
export const createReturned = ({ topics, connection, deadTopics, runtime }: ReturnedOptions) => {
  const { clock, log, meter } = runtime;
  const unread = new Map<string, number>();

  const hasNoGroup = async (topic: OwnTopic): Promise<boolean> => {
    const knownAt = unread.get(topic.name);
    if (knownAt !== undefined && clock.monotonic() - knownAt < believedMs) return true;
    const about = await topics.about(topic.name);
    if (about === undefined || about.groups.length > 0) {
      unread.delete(topic.name);
      return false;
    }
    if (!unread.has(topic.name))
      log.warn({ topic: topic.name }, 'nobody reads this topic: it has no group, and keeps nothing');
    unread.set(topic.name, clock.monotonic());
    return true;
  };

  const decide = async (sending: Sending): Promise<PublishOutcome | 'again'> => {
    const { topic } = sending.call;
    const unroutable = (retryable: boolean): PublishOutcome => ({
      outcome: 'failed',
      error: new UnroutableError(sending.id, sending.exchange, sending.routingKey, retryable),
    });
    if (topic.kind === 'adopted') return unroutable(false);
    if (isDeadTopic(topic.name) || deadTopics.has(topic.name)) {
      if ((await topics.about(topic.name))?.groups.length === 0) {
        await topics.createGroup(topic, keepingGroup);
        return 'again';
      }
    } else if (await hasNoGroup(topic)) {
      meter.count('holdfast.rabbitmq.unread', 1, { topic: topic.name });
      return ok;
    }
    await declareAll(topic);
    return unroutable(true);
  };

  const declareAll = async (topic: OwnTopic): Promise<void> => {
    const groups = (await topics.about(topic.name))?.groups ?? [];
    log.error({ topic: topic.name, groups }, 'a queue of this topic is gone; its messages are lost; declares it again');
    const at = await connection();
    for (const group of groups) await declareGroup(at, topic, group);
  };

  return async (sending: Sending): Promise<PublishOutcome | 'again'> => {
    try {
      return await decide(sending);
    } catch (error) {
      return { outcome: 'failed', error };
    }
  };
};
