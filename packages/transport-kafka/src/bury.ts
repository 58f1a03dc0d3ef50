import type { Message, Runtime } from '@holdfast/core';
import { deadHeaderNames, type IntakeOptions } from '@holdfast/flow';
import type { KafkaPublisher } from './publish.ts';
import type { Topics } from './topics.ts';

export interface BuryOptions {
  readonly topics: Pick<Topics, 'adopted'>;
  readonly publish: KafkaPublisher['publish'];
  readonly runtime: Runtime;
}

/**
 * Stores dead letters where their topics say. That of an adopted topic that has no dead topic is passed over: it stays where it
 * lies, which is said.
 */
export const buryWith = ({ topics, publish, runtime }: BuryOptions): IntakeOptions['deadLetter'] => {
  const passOver = ({ id, headers }: Message, topic: string): void => {
    const { [deadHeaderNames.group]: group = '', [deadHeaderNames.reason]: reason } = headers;
    const { [deadHeaderNames.partition]: partition, [deadHeaderNames.position]: position } = headers;
    runtime.log.error(
      { topic, partition: Number(partition), position, group, id, reason },
      'a rejected message of an adopted topic is passed over, for want of a dead topic and a database',
    );
    runtime.meter.count('holdfast.kafka.dropped_rejected', 1, { topic, group });
  };
  return async (letter, deadTopic) => {
    const topic = letter.headers[deadHeaderNames.topic] ?? '';
    if (topics.adopted(topic)?.deadTopic === null) passOver(letter, topic);
    else await publish(deadTopic, [letter]);
  };
};
