import type { PublishOutcome, Runtime } from '@holdfast/core';
import { isDeadTopic } from '@holdfast/flow';
import type { About } from './about.ts';
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

type Fate = 'unread' | 'again' | 'gone';

/**
 * What becomes of a message that no queue took. A topic without a group keeps nothing, and nobody is to see the message;
 * that is counted. A dead topic without a group gets one first. Everything else is a failure: of a topic with groups, queues
 * were deleted beneath, and are declared again.
 */
export const createReturned = ({ topics, connection, deadTopics, runtime }: ReturnedOptions) => {
  const { clock, log, meter } = runtime;
  const unread = new Map<string, number>();
  /** Many come back at once: the broker is asked once for all of a topic. */
  const deciding = new Map<string, Promise<Fate>>();

  const fateOf = (topic: OwnTopic): Promise<Fate> => {
    const knownAt = unread.get(topic.name);
    if (knownAt !== undefined && clock.monotonic() - knownAt < believedMs) return Promise.resolve('unread');
    const under = deciding.get(topic.name);
    if (under !== undefined) return under;
    const fate = decide(topic).finally(() => deciding.delete(topic.name));
    deciding.set(topic.name, fate);
    return fate;
  };

  const decide = async (topic: OwnTopic): Promise<Fate> => {
    const about = await topics.about(topic.name);
    const isForDead = isDeadTopic(topic.name) || deadTopics.has(topic.name);
    if (about?.groups.length === 0) {
      if (!isForDead) return noteUnread(topic);
      await topics.createGroup(topic, keepingGroup);
      return 'again';
    }
    unread.delete(topic.name);
    await declareAll(topic, about);
    return 'gone';
  };

  const noteUnread = ({ name }: OwnTopic): Fate => {
    if (!unread.has(name)) log.warn({ topic: name }, 'nobody reads this topic: it has no group, and keeps nothing');
    unread.set(name, clock.monotonic());
    return 'unread';
  };

  const declareAll = async (topic: OwnTopic, about: About | undefined): Promise<void> => {
    const { groups = [], partitions = topic.partitions } = about ?? {};
    log.error({ topic: topic.name, groups }, 'a queue of this topic is gone; its messages are lost; declares it again');
    // It has been made anew meanwhile.
    if (partitions !== topic.partitions) topics.forget();
    const at = await connection();
    for (const group of groups) await declareGroup(at, { ...topic, partitions }, group);
  };

  const outcomeOf = async ({ id, topic, exchange, routingKey }: Sending): Promise<PublishOutcome | 'again'> => {
    const unroutable = (retryable: boolean): PublishOutcome => ({
      outcome: 'failed',
      error: new UnroutableError(id, exchange, routingKey, retryable),
    });
    if (topic.kind === 'adopted') return unroutable(false);
    const fate = await fateOf(topic);
    if (fate === 'again') return 'again';
    if (fate === 'gone') return unroutable(true);
    meter.count('holdfast.rabbitmq.unread', 1, { topic: topic.name });
    return ok;
  };

  return async (sending: Sending): Promise<PublishOutcome | 'again'> => {
    try {
      return await outcomeOf(sending);
    } catch (error) {
      return { outcome: 'failed', error };
    }
  };
};
