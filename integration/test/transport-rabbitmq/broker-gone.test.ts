import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError, type Receive } from '@holdfast/core';
import { rabbitmqTransport } from '@holdfast/transport-rabbitmq';
import { type ChannelModel, connect } from 'amqplib';
import { eventually, freePort, ownRabbitmq, type RabbitmqServer } from '../../harness/index.ts';
import { startLoad } from './load.ts';
import { messageOf, openTestRabbit, quiet, type TestRabbit } from './test-rabbit.ts';

const ready = { live: true, ready: true, reasons: [] };

describe('the RabbitMQ transport when its broker goes away', function () {
  this.timeout(90_000);
  let server: RabbitmqServer;
  let rabbit: TestRabbit;
  before(async () => {
    server = await ownRabbitmq();
    rabbit = await openTestRabbit(server);
  });
  after(async () => {
    await rabbit.close();
    await server.close();
  });

  const loaded = async (topic: string) => {
    const [publisher, consumer] = [rabbit.open(), rabbit.open()];
    await publisher.topology.apply({ topics: { [topic]: { partitions: 4, groups: { g: 'latest' } } } });
    const load = startLoad(publisher, topic);
    const subscription = await consumer.subscribe([topic], load.receive, { group: 'g', from: 'latest' });
    await load.more(200);
    const finish = async (): Promise<void> => {
      try {
        await load.more(200);
        await load.finish();
        await eventually(() => assert.deepEqual(subscription.health(), ready));
      } finally {
        // Left in the group, it would share the partitions of another attempt.
        await Promise.all([publisher.close(), consumer.close()]);
      }
    };
    return { subscription, finish, refusals: load.refusals };
  };

  it('P2, P3: nothing is lost and order holds when the broker is restarted under load', async () => {
    const { subscription, finish } = await loaded('restarted');
    await server.stop('fast');
    await eventually(() => assert.equal(subscription.health().ready, false));
    assert.match(subscription.health().reasons.join(), /not connected/);
    await server.start();
    await finish();
  });

  it('P2, P3, P7: so it is when it is killed; meanwhile a close ends in time, and whoever comes waits for it', async () => {
    const { subscription, finish, refusals } = await loaded('killed');
    const closing = rabbit.open();
    await closing.topology.apply({ topics: { closing: { partitions: 1, groups: { g: 'latest' } } } });
    const closed = await closing.subscribe(['closing'], async () => ack, { group: 'g', from: 'latest' });
    await closing.publish('closing', [messageOf('a')]);
    await server.stop('kill');
    await eventually(() => assert.equal(subscription.health().ready || closed.health().ready, false));

    const waiting = closing.publish('closing', [messageOf('b')]);
    const refused = assert.rejects(
      waiting,
      (error) => error instanceof PublishError && error.outcomes[0]?.outcome === 'failed',
    );
    const startedAt = performance.now();
    await closing.close({ deadlineMs: 2_000 });
    assert.ok(performance.now() - startedAt < 2_500);
    await refused;
    await closed.closed;

    const early = rabbit.open({ connectTimeoutMs: 40_000 });
    const came: string[] = [];
    const receive: Receive = async ({ message }) => {
      came.push(message.id);
      return ack;
    };
    const subscribed = early.subscribe(['early'], receive, { group: 'g', from: 'latest' });
    await server.start();
    const joined = await subscribed;
    await early.publish('early', [messageOf('c')]);
    await eventually(() => assert.deepEqual(came, ['c']));
    await eventually(() => assert.deepEqual(joined.health(), ready));
    await finish();
    assert.ok(refusals.size > 0, 'no publish failed while the broker was away');
  });

  it('P6: a broker that does not come is named', async () => {
    const url = `amqp://holdfast:secret@127.0.0.1:${await freePort()}`;
    const absent = rabbit.open({ url, connectTimeoutMs: 300 });
    const subscribing = absent.subscribe(['orders'], async () => ack, { group: 'g', from: 'latest' });
    await assert.rejects(subscribing, (error) => {
      assert.ok(isHoldfastError(error, 'broker_unavailable') && error.retryable);
      assert.match(error.message, /127\.0\.0\.1:\d+ .*ECONNREFUSED/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });

  it('P6: wrong credentials are a clear error at once, from whatever is used first', async () => {
    const wrong = new URL(server.url);
    wrong.password = 'wrong-secret';
    for (const use of ['publish', 'subscribe', 'describe'] as const) {
      const transport = rabbitmqTransport({ url: wrong.href, runtime: quiet });
      const uses = {
        publish: () => transport.publish('orders', [messageOf('a')]),
        subscribe: () => transport.subscribe(['orders'], async () => ack, { group: 'g', from: 'latest' }),
        describe: () => transport.topology.describe('orders'),
      };
      const startedAt = performance.now();
      await assert.rejects(uses[use](), (error) => {
        const cause = error instanceof PublishError ? error.cause : error;
        assert.ok(isHoldfastError(cause, 'broker_refused'), `${use}: ${String(cause)}`);
        assert.equal(cause.retryable, false);
        assert.doesNotMatch(cause.message, /wrong-secret/);
        return true;
      });
      assert.ok(performance.now() - startedAt < 5_000);
      await transport.close();
    }
  });

  it('P6: a subscription whose credentials are not taken any more ends, and says why', async () => {
    const target = new URL(server.url);
    const made: ChannelModel[] = [];
    await using transport = rabbitmqTransport({
      ...{ runtime: quiet, balanceMs: 100, connectTimeoutMs: 2_000 },
      connect: async () => {
        const connection = await connect(target.href);
        made.push(connection);
        return connection;
      },
    });
    await transport.topology.apply({ topics: { shut: { partitions: 1, groups: { g: 'latest' } } } });
    const subscription = await transport.subscribe(['shut'], async () => ack, { group: 'g', from: 'latest' });
    await eventually(() => assert.equal(subscription.health().ready, true));
    const right = target.password;
    const endAll = async (): Promise<void> => {
      await Promise.all(made.splice(0).map((one) => one.close()));
    };
    // Once is forgiven.
    target.password = 'wrong-secret';
    await endAll();
    await eventually(() => assert.match(subscription.health().reasons.join(), /refuses the connection/));
    target.password = right;
    await eventually(() => assert.equal(subscription.health().ready, true));
    target.password = 'wrong-secret';
    await endAll();
    await assert.rejects(subscription.closed, (error) => isHoldfastError(error, 'broker_refused'));
    const { live, ready, reasons } = subscription.health();
    assert.deepEqual({ live, ready }, { live: false, ready: false });
    assert.match(reasons.join(), /^closed: .* refuses the connection: .*check user, password/);
  });
});
