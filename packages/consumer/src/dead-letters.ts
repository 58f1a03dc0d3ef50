import { ack, type Delivery, type Runtime, type Settlement, type Transport } from '@holdfast/core';
import { deadMessage, deadTopicOf, isDeadTopic } from '@holdfast/flow';
import type { Ending } from './ending.ts';
import type { FailureHistory } from './parking/failure-history.ts';

/** Makes a settlement of an ending that is no `ack`: what is rejected is stored as a dead letter, then acked. Never rejects. */
export type Bury = (delivery: Delivery, ending: Ending) => Promise<Settlement>;

/**
 * Publishes dead letters to `<topic>.dead`, with what each attempt failed of in headers. Where that fails the rejection
 * is left to the adapter, which tries until it is stored, and settles the message only then. So is a dead letter that is
 * rejected again: there is nowhere further to go.
 */
export const buryInDeadTopic =
  (transport: Transport, { clock, log }: Runtime, history: FailureHistory): Bury =>
  async (delivery, { settlement, error }) => {
    if (settlement.outcome === 'ack' || (settlement.outcome === 'retry' && !settlement.spent)) return settlement;
    history.note(delivery, error ?? (settlement.outcome === 'reject' ? settlement.reason : undefined));
    if (settlement.outcome === 'retry') return settlement;
    const failures = history.of(delivery);
    history.forget(delivery);
    const { message, topic, group, attempt } = delivery;
    const { reason } = settlement;
    log.error(
      { error, id: message.id, type: message.type, topic, group, attempt, reason },
      'a message is a dead letter',
    );
    if (isDeadTopic(topic)) return settlement;
    const letter = deadMessage(delivery, { reason, error, failures, failedAt: clock.now() });
    try {
      await transport.publish(deadTopicOf(topic), [letter], { signal: delivery.signal });
      return ack;
    } catch (publishError) {
      log.warn(
        { error: publishError, id: message.id, topic, group },
        'a dead letter could not be stored; it is tried again',
      );
      return settlement;
    }
  };
