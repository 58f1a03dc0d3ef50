import type { Question } from '../ask.ts';

/**
 * Asks a Kafka for its brokers (Metadata, version 4, of no topic) and resolves with how many can be used.
 * A broker names itself only once it is part of its cluster.
 */
export const kafkaAnswers = (host: string, port: number): Question<number> => ({
  host,
  port,
  bytes: request,
  read: (answer) => {
    if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return undefined;
    const brokers = answer.readInt32BE(12);
    if (brokers === 0) throw new Error(`Kafka on ${host}:${port} has no broker yet`);
    return brokers;
  },
});

/** Length; key 3, version 4, correlation id 0, no client id; an array of no topics, and no topic to be created. */
const body = [0, 3, 0, 4, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0];
const request = Buffer.from([0, 0, 0, body.length, ...body]);
