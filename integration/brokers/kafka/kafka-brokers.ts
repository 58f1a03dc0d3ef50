import type { Question } from '../ask.ts';

/**
 * Asks a Kafka for the brokers that can be used (Metadata, version 4, of no topic), each as the `host:port` that clients
 * are told. A broker names itself only once it is part of its cluster.
 */
export const kafkaBrokers = (host: string, port: number): Question<readonly string[]> => ({
  host,
  port,
  bytes: request,
  read: (answer) => {
    if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return undefined;
    const brokers = addressesIn(answer);
    if (brokers.length === 0) throw new Error(`Kafka on ${host}:${port} has no broker yet`);
    return brokers;
  },
});

/** Length; key 3, version 4, correlation id 0, no client id; an array of no topics, and no topic to be created. */
const body = [0, 3, 0, 4, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0];
const request = Buffer.from([0, 0, 0, body.length, ...body]);

/** Length, correlation id, throttling; then how many brokers, and of each its number, host, port and rack. */
const addressesIn = (answer: Buffer): string[] => {
  const addresses: string[] = [];
  let at = 16;
  for (let left = answer.readInt32BE(12); left > 0; left--) {
    const hostEnd = at + 6 + answer.readInt16BE(at + 4);
    addresses.push(`${answer.toString('utf8', at + 6, hostEnd)}:${answer.readInt32BE(hostEnd)}`);
    at = hostEnd + 6 + Math.max(0, answer.readInt16BE(hostEnd + 4));
  }
  return addresses;
};
