import type { Question } from '../ask.ts';

/**
 * Asks a RabbitMQ for its version. It begins each connection with the method connection.start (class 10, method 10),
 * whose server properties hold `version` as a long string; it listens only once it has started as a whole.
 */
export const rabbitmqVersion = (host: string, port: number): Question<string> => ({
  host,
  port,
  bytes: Buffer.from('AMQP\x00\x00\x09\x01', 'latin1'),
  read: (answer) => {
    const at = answer.indexOf('\x07versionS', 0, 'latin1');
    if (at < 0 || answer.length < at + 13) return undefined;
    const start = at + 13;
    const end = start + answer.readUInt32BE(at + 9);
    return answer.length < end ? undefined : answer.toString('utf8', start, end);
  },
});
