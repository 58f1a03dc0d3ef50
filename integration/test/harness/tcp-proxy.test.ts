import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { eventually, freshDatabase, type TcpProxy, tcpProxy } from '../../harness/index.ts';

/** A client of an echo server, with what it received and how its connection ended. */
interface EchoClient {
  readonly socket: Socket;
  received: string;
  closed: 'reset' | 'ended' | undefined;
}

describe('a TCP proxy', () => {
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    served.push(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  let served: Socket[] = [];
  let clients: EchoClient[] = [];
  let proxy: TcpProxy;

  const open = async (): Promise<EchoClient> => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    const client: EchoClient = { socket, received: '', closed: undefined };
    clients.push(client);
    socket.setEncoding('latin1').on('data', (text) => {
      client.received += text;
    });
    socket.on('error', () => {
      client.closed = 'reset';
    });
    socket.on('close', () => {
      client.closed ??= 'ended';
    });
    await eventually(() => assert.ok(!socket.connecting));
    return client;
  };
  const echoes = async (client: EchoClient, text: string): Promise<void> => {
    client.received = '';
    client.socket.write(text);
    await eventually(() => assert.equal(client.received, text));
  };

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  beforeEach(async () => {
    [served, clients] = [[], []];
    proxy = await tcpProxy({ targetPort: (server.address() as AddressInfo).port });
  });
  afterEach(async () => {
    await proxy.close();
    for (const { socket } of clients) socket.destroy();
    for (const socket of served) socket.destroy();
  });
  after(() => {
    server.close();
  });

  it('passes bytes on in both directions, and counts them', async () => {
    const client = await open();
    await echoes(client, 'ping');
    const { connections, bytesUp, bytesDown, droppedUp, droppedDown, cuts } = proxy.counts;
    assert.deepEqual([connections, bytesUp, bytesDown, droppedUp, droppedDown, cuts], [1, 4, 4, 0, 0, 0]);
  });

  it('passes on much more than it may hold, unchanged', async () => {
    const client = await open();
    const sent = Buffer.alloc(5_000_000, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    client.socket.write(sent);
    await eventually(() => assert.equal(client.received.length, sent.length));
    assert.ok(Buffer.from(client.received, 'latin1').equals(sent));
  });

  it('passes on that one side has ended, after what it sent', async () => {
    const client = await open();
    client.socket.end('last words');
    await eventually(() => assert.deepEqual([client.received, client.closed], ['last words', 'ended']));
    await eventually(() => assert.ok(served.every((socket) => socket.closed)));
  });

  it('resets a client whose server is not there', async () => {
    const lonely = await tcpProxy({ targetPort: 1 });
    const socket = connect(lonely.port, '127.0.0.1');
    const [error] = await once(socket, 'error');
    assert.equal(error.code, 'ECONNRESET');
    await lonely.close();
  });

  it('cut: resets both sides of every open connection, and passes new ones', async () => {
    const [first, second] = [await open(), await open()];
    await Promise.all([echoes(first, 'a'), echoes(second, 'b')]);
    proxy.cut();
    await eventually(() => assert.deepEqual([first.closed, second.closed], ['reset', 'reset']));
    await eventually(() => assert.ok(served.every((socket) => socket.closed)));
    assert.equal(proxy.counts.cuts, 2);
    await echoes(await open(), 'c');
  });

  it('refuse: resets what is open and what comes, until it is healed', async () => {
    const client = await open();
    await echoes(client, 'a');
    proxy.inject({ fault: 'refuse' });
    await eventually(() => assert.equal(client.closed, 'reset'));
    const refused = await open();
    await eventually(() => assert.equal(refused.closed, 'reset'));
    proxy.heal();
    await echoes(await open(), 'b');
  });

  it('freeze: passes nothing, not even an end, and loses nothing', async () => {
    const [client, leaving] = [await open(), await open()];
    await Promise.all([echoes(client, 'before'), echoes(leaving, 'before')]);
    proxy.inject({ fault: 'freeze' });
    client.received = '';
    client.socket.write('during');
    leaving.socket.destroy();
    await sleep(100);
    assert.equal(client.received, '');
    assert.ok(served.every((socket) => !socket.closed));
    proxy.heal();
    await eventually(() => assert.equal(client.received, 'during'));
    await eventually(() => assert.equal(served.filter((socket) => socket.closed).length, 1));
  });

  it('half-open: loses what is sent, tells nobody, and never comes back', async () => {
    const client = await open();
    await echoes(client, 'before');
    proxy.inject({ fault: 'half-open' });
    client.received = '';
    client.socket.write('lost');
    await eventually(() => assert.equal(proxy.counts.droppedUp, 4));
    served[0]?.write('lost as well');
    await eventually(() => assert.equal(proxy.counts.droppedDown, 12));
    const unborn = await open();
    unborn.socket.write('nobody hears');
    await eventually(() => assert.equal(proxy.counts.droppedUp, 16));
    proxy.heal();
    client.socket.destroy();
    await echoes(await open(), 'a new connection');
    assert.deepEqual([served[0]?.closed, client.received, unborn.received], [false, '', '']);
  });

  it('delay: takes longer and keeps the order', async () => {
    const client = await open();
    await echoes(client, 'before');
    proxy.inject({ fault: 'delay', latencyMs: 50, jitterMs: 20 });
    const startedAt = performance.now();
    client.received = '';
    const pieces = Array.from({ length: 20 }, (_, index) => `${index},`);
    for (const piece of pieces) {
      client.socket.write(piece);
      await sleep(2);
    }
    await eventually(() => assert.equal(client.received, pieces.join('')));
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 99, `took ${tookMs} ms`);
    assert.ok(tookMs < 1_000, `twenty pieces on their way together took ${tookMs} ms`);
  });

  it('drop-reply: the server hears the word, and the client is reset in place of an answer', async () => {
    const [client, other] = [await open(), await open()];
    proxy.inject({ fault: 'drop-reply', after: 'COMMIT' });
    await Promise.all([echoes(client, 'begin'), echoes(other, 'begin')]);
    const heard: string[] = [];
    for (const socket of served) socket.on('data', (chunk) => heard.push(chunk.toString('latin1')));
    client.received = '';
    client.socket.write('com');
    await eventually(() => assert.deepEqual(heard, ['com']));
    client.socket.write('mit;');
    await eventually(() => assert.equal(client.closed, 'reset'));
    assert.deepEqual([heard, client.received], [['com', 'mit;'], 'com']);
    assert.deepEqual([proxy.counts.droppedDown, proxy.counts.cuts], [4, 1]);
    await echoes(other, 'commit');
  });

  it('drop-reply does not find its word in what was sent before the fault', async () => {
    const client = await open();
    await echoes(client, 'commit');
    proxy.inject({ fault: 'drop-reply', after: 'COMMIT' });
    await echoes(client, 'select');
  });

  it('drop-reply: happens as often as is said', async () => {
    proxy.inject({ fault: 'drop-reply', times: 2 });
    const [first, second] = [await open(), await open()];
    first.socket.write('a');
    second.socket.write('b');
    await eventually(() => assert.deepEqual([first.closed, second.closed], ['reset', 'reset']));
    await echoes(await open(), 'c');
  });

  it('makes a commit happen whose reply is lost', async () => {
    const database = await freshDatabase();
    const { hostname, port } = new URL(database.url);
    const between = await tcpProxy({ targetPort: Number(port), targetHost: hostname });
    const direct = new Client({ connectionString: database.url });
    const client = new Client({ connectionString: between.through(database.url) });
    client.on('error', () => {});
    await Promise.all([direct.connect(), client.connect()]);
    await client.query('create table t (id int)');
    await client.query('begin');
    await client.query('insert into t values (1)');
    between.inject({ fault: 'drop-reply', after: 'COMMIT' });
    await assert.rejects(client.query('commit'));
    const { rows } = await direct.query('select id from t');
    assert.deepEqual(rows, [{ id: 1 }]);
    await Promise.all([direct.end(), between.close()]);
    await database.drop();
  });
});
