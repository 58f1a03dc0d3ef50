import type { Question } from '../ask.ts';

/**
 * Asks a Kafka for the level of its feature metadata.version (ApiVersions, version 3): a broker does not tell its version
 * to clients, but which level its cluster is at, 30 for example with 4.3. Features come last, those in use after those
 * that are known, each as a name and a number of two bytes.
 */
export const kafkaFeatureLevel = (host: string, port: number): Question<number> => ({
  host,
  port,
  bytes: request,
  read: (answer) => {
    if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return undefined;
    const at = answer.lastIndexOf(feature, undefined, 'latin1');
    if (at < 0) throw new Error(`Kafka on ${host}:${port} names no ${feature}: it is older than 3.3, or has ZooKeeper`);
    return answer.readInt16BE(at + feature.length);
  },
});

const feature = 'metadata.version';
const text = (word: string): number[] => [word.length + 1, ...Buffer.from(word)];
/** Length; key 18, version 3, correlation id 0, no client id, no tags; the client's name and version, no tags. */
const body = [0, 18, 0, 3, 0, 0, 0, 0, 0xff, 0xff, 0, ...text('holdfast'), ...text('0'), 0];
const request = Buffer.from([0, 0, 0, body.length, ...body]);
