import type { Runtime } from '@holdfast/core';
import { deadHeaderNames, type IntakeOptions, passOver } from '@holdfast/flow';
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
  return async (letter, deadTopic) => {
    const topic = letter.headers[deadHeaderNames.topic] ?? '';
    if (topics.adopted(topic)?.deadTopic === null) passOver(letter, 'kafka', runtime);
    else await publish(deadTopic, [letter]);
  };
};
