import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { calmKafkajs } from '../src/calm-kafkajs.ts';
import { holdConnections } from '../src/kafkajs-connections.ts';
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

/** Small ones, which come whole; several may come at once. */
function* requestsIn(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; ) {
    const end = at + 4 + data.readInt32BE(at);
    yield data.subarray(at, end);
    at = end;
  }
}

/** A server that takes connections and requests, and answers as `answer` does. */
const startServer = async (answer: (socket: Socket, request: Buffer, nth: number) => void) => {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    const nth = connections++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (data) => {
      for (const request of requestsIn(data)) answer(socket, request, nth);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, requestTimeout: 1_000 });
  calmKafkajs();
  const cluster = clusterOf(client);
  const connectionsOf = holdConnections(cluster);
  const pool = await cluster.brokerPool.connectionPoolBuilder.build();
  return { open, pool, cluster, connections: connectionsOf, close: () => server.close() };
};

describe('the connections of kafkajs', () => {
  it('read the next answer from its beginning, when one was cut in the middle of an answer and has connected again', async () => {
    const { pool, connections, close } = await startServer((socket, request, nth) => {
      const answer = answerTo(request, nth === 0 ? 'never seen as a whole' : 'whole');
      if (nth === 0) socket.write(answer.subarray(0, 10), () => socket.end());
      else socket.write(answer);
    });
    await assert.rejects(pool.send(call));
    assert.equal(await pool.send(call), 'whole');
    connections.end();
    close();
  });

  it('are opened once for all requests that find one ended, and none is left behind', async () => {
    const { open, pool, connections, close } = await startServer((socket, request) =>
      socket.write(answerTo(request, 'here')),
    );
    const answers = await Promise.all(Array.from({ length: 5 }, () => pool.send(call)));
    assert.deepEqual(new Set(answers), new Set(['here']));
    assert.equal(open.size, 1);
    connections.end();
    while (open.size > 0) await turn();
    close();
  });

  it('keep nothing of a dead one, however often it is ended', async () => {
    const { open, pool, connections, close } = await startServer((socket) => socket.destroy());
    await assert.rejects(pool.send(call));
    const [connection] = pool.pool;
    assert.ok(connection?.socket !== undefined);
    while (!connection.socket.destroyed) await turn();
    for (let times = 0; times < 20; times++) await connection.disconnect();
    assert.ok(
      connection.socket.listenerCount('connect') <= 2,
      `${connection.socket.listenerCount('connect')} listeners`,
    );
    connections.end();
    while (open.size > 0) await turn();
    close();
  });

  it('P7: leave no timer behind that was ended while it connected, and connected all the same', async () => {
    const { open, pool, connections, close } = await startServer(() => {});
    const [connection] = pool.pool;
    assert.ok(connection !== undefined);
    const connecting = connection.connect();
    await connection.disconnect();
    await connecting;
    assert.equal(connection.isConnected(), true);
    connections.end();
    while (open.size > 0) await turn();
    assert.equal(connection.isConnected(), false);
    close();
  });

  it('are not opened any more once they were ended', async () => {
    const { open, pool, cluster, connections, close } = await startServer(() => {});
    const waiting = pool.send(call);
    connections.end();
    await assert.rejects(waiting, /given up/);
    await assert.rejects(pool.send(call), /given up/);
    await assert.rejects(cluster.brokerPool.connectionPoolBuilder.build(), /given up/);
    assert.equal(open.size, 0);
    close();
  });
});
