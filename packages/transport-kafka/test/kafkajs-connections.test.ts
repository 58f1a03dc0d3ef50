import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { calmKafkajs } from '../src/calm-kafkajs.ts';
import { answerByPartition } from '../src/kafkajs-answers.ts';
import { clusterOf } from '../src/kafkajs-internals.ts';

/** An answer whose body is what the request asked for: its length, the request's number, and that. */
const answerTo = (request: Buffer, body: string): Buffer => {
  const answer = Buffer.alloc(8 + body.length);
  answer.writeInt32BE(4 + body.length);
  request.copy(answer, 4, 8, 12);
  answer.write(body, 8);
  return answer;
};

const call = {
  request: createRequire(import.meta.url)('kafkajs/src/protocol/requests/apiVersions/v0/request')(),
  response: { decode: async (raw: Buffer) => String(raw), parse: async (text: unknown) => text },
};

describe('a connection of kafkajs that is cut in the middle of an answer', () => {
  it('reads the next answer from its beginning when it has connected again', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      const isFirst = connections++ === 0;
      socket.on('error', () => {});
      socket.on('data', (request) => {
        const answer = answerTo(request, isFirst ? 'never seen as a whole' : 'whole');
        if (isFirst) socket.write(answer.subarray(0, 10), () => socket.end());
        else socket.write(answer);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const brokers = [`127.0.0.1:${port}`];
    const cluster = clusterOf(new Kafka({ brokers, logLevel: logLevel.NOTHING, requestTimeout: 1_000 }));
    calmKafkajs();
    answerByPartition(cluster);
    const pool = await cluster.brokerPool.connectionPoolBuilder.build();
    await assert.rejects(pool.send(call));
    assert.equal(await pool.send(call), 'whole');
    for (const { socket } of pool.pool) socket?.destroy(new Error('the test is over'));
    server.close();
  });
});
