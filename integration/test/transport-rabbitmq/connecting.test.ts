import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, isHoldfastError, PublishError } from '@holdfast/core';
import { connect } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

describe('connecting to RabbitMQ', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  after(() => rabbit.close());

  it('P7: a close lets go of a connection that is being made', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    const accepted = once(listener, 'connection') as Promise<[Socket]>;
    await once(listener, 'listening');
    const address = listener.address();
    assert.ok(address !== null && typeof address === 'object');
    const transport = rabbit.open({ url: `amqp://127.0.0.1:${address.port}`, connectTimeoutMs: 120_000 });
    const publishing = assert.rejects(transport.publish('orders', [messageOf('a')]), PublishError);
    const [socket] = await accepted;
    socket.on('error', () => {});
    socket.resume();
    const closed = once(socket, 'close');
    await transport.close({ deadlineMs: 500 });
    await publishing;
    await closed;
    listener.close();
  });

  it('P7: a connect() that never ends is given up and called again, and what it makes later is let go', async () => {
    const late = Promise.withResolvers<void>();
    const made: ReturnType<typeof connect>[] = [];
    const transport = rabbit.open({
      connectTimeoutMs: 400,
      connect: async () => {
        const connection = connect(rabbit.url);
        made.push(connection);
        if (made.length === 1) await late.promise;
        return connection;
      },
    });
    const topic = rabbit.name('topic');
    await eventually(() => transport.topology.apply({ topics: { [topic]: { partitions: 1 } } }));
    const first = await made[0];
    assert.ok(first);
    first.on('error', () => {});
    const closed = new Promise((resolve) => first.on('close', resolve));
    late.resolve();
    await closed;
    assert.equal(made.length, 2);
  });

  it('P9: a connect() that hands out one connection twice is refused', async () => {
    const connection = await connect(rabbit.url);
    const transport = rabbit.open({ connect: async () => connection });
    const topic = rabbit.name('topic');
    await transport.topology.apply({ topics: { [topic]: { partitions: 1 } } });
    await assert.rejects(
      transport.subscribe([topic], async () => ack, { group: 'g', from: 'latest' }),
      (error) => isHoldfastError(error, 'invalid_option') && /one each time/.test(error.message),
    );
  });

  it('P5: connections that end as soon as they are open are made ever more seldom', async () => {
    let made = 0;
    const transport = rabbit.open({
      connectTimeoutMs: 3_000,
      connect: async () => {
        made++;
        const connection = await connect(rabbit.url);
        setTimeout(() => void connection.close().catch(() => {}), 1);
        return connection;
      },
    });
    const publishing = assert.rejects(transport.publish('orders', [messageOf('a')]));
    await sleep(2_500);
    assert.ok(made > 1 && made < 15, `${made} connections`);
    await transport.close({ deadlineMs: 500 });
    await publishing;
  });
});
