import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { isHoldfastError, silentLog } from '@holdfast/core';
import { kafkaTransport } from '../src/index.ts';

/** Somebody who is no broker listens while `work` runs. */
const whileListening = async (
  onConnection: (socket: Socket) => void,
  work: (address: string) => Promise<void>,
): Promise<void> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await work(`127.0.0.1:${port}`);
  for (const socket of sockets) socket.destroy();
  server.close();
};

const open = (brokers: readonly string[], requestTimeoutMs = 500) =>
  kafkaTransport({ brokers, platformatic: {}, requestTimeoutMs, fetchWaitMs: 50, runtime: { log: silentLog } });

describe('a transport over @platformatic/kafka whose brokers', () => {
  const described = async (brokers: readonly string[]): Promise<unknown> => {
    const transport = open(brokers);
    const error = await transport.topology.describe('orders').catch((thrown: unknown) => thrown);
    await transport.close();
    return error;
  };

  it('end the connection when they are first asked says what they may want', () =>
    whileListening(
      (socket) => socket.on('data', () => socket.destroy()),
      async (address) => {
        const error = await described([address]);
        assert.ok(isHoldfastError(error, 'broker_unreachable') && /TLS or a login/.test(error.message), String(error));
      },
    ));

  it('do not answer says so within the time for an answer', () =>
    whileListening(
      () => {},
      async (address) => {
        const startedMs = performance.now();
        assert.ok(isHoldfastError(await described([address]), 'broker_unreachable'));
        assert.ok(performance.now() - startedMs < 3_000);
      },
    ));

  it('are away tries each of them', async () => {
    const error = await described(['127.0.0.1:1', '[::1]:1', 'no-such-host.invalid:9092']);
    assert.ok(isHoldfastError(error, 'broker_unreachable') && /no-such-host/.test(error.message), String(error));
  });

  it('do not answer closes at once', () => {
    const asked = Promise.withResolvers<void>();
    return whileListening(
      (socket) => socket.on('data', () => asked.resolve()),
      async (address) => {
        const transport = open([address], 60_000);
        const answer = transport.topology.describe('orders').catch((error: unknown) => error);
        await asked.promise;
        const startedMs = performance.now();
        await transport.close();
        assert.ok(isHoldfastError(await answer));
        assert.ok(performance.now() - startedMs < 1_000);
      },
    );
  });
});
