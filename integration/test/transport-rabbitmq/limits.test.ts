import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError, type Receive } from '@holdfast/core';
import { eventually, ownRabbitmq, type RabbitmqServer } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

describe("RabbitMQ's own limits", function () {
  this.timeout(60_000);
  let server: RabbitmqServer;
  let rabbit: TestRabbit;
  before(async () => {
    server = await ownRabbitmq({ config: { consumer_timeout: '1500', max_message_size: '200000' } });
    rabbit = await openTestRabbit(server);
  });
  after(async () => {
    await rabbit.close();
    await server.close();
  });

  it('P2: a handler slower than the consumer timeout is aborted, and its message comes again', async () => {
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { slow: { partitions: 1, groups: { g: 'latest' } } } });
    const came: string[] = [];
    const receive: Receive = async ({ message: { id }, signal }) => {
      came.push(id);
      if (came.length > 1) return ack;
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => resolve());
      await promise;
      return ack;
    };
    const subscription = await transport.subscribe(['slow'], receive, { group: 'g', from: 'latest' });
    await transport.publish('slow', [messageOf('a', 'k'), messageOf('b', 'k')]);
    await eventually(() => assert.deepEqual(came, ['a', 'a', 'b']), { timeoutMs: 20_000 });
    await eventually(() => assert.equal(subscription.health().ready, true));
  });

  it('P1, P8: a body above the limit of the broker fails by name, and not what is on its way beside it', async () => {
    const transport = rabbit.open({ maxBodyBytes: 1_000_000 });
    await transport.topology.apply({ topics: { sizes: { partitions: 2, groups: { g: 'latest' } } } });
    const big = { ...messageOf('big', 'k'), body: Buffer.alloc(300_000) };
    const innocent = transport.publish('sizes', [messageOf('a', 'other'), messageOf('b', 'another')]);
    const refused = transport.publish('sizes', [big]);
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof PublishError && !error.retryable);
      assert.ok(isHoldfastError(error.cause, 'unsendable'));
      assert.match(error.cause.message, /larger than/);
      return true;
    });
    const told = await innocent.then(
      () => 'ok',
      (error: PublishError) => String(error.outcomes.find(({ outcome }) => outcome === 'failed')?.outcome),
    );
    assert.notEqual(told, 'failed');
    await transport.publish('sizes', [messageOf('c', 'k')]);
  });
});

describe('a RabbitMQ without memory', function () {
  this.timeout(60_000);
  let server: RabbitmqServer;
  let rabbit: TestRabbit;
  before(async () => {
    server = await ownRabbitmq({ config: { 'vm_memory_high_watermark.absolute': '1MB' } });
    rabbit = await openTestRabbit(server);
  });
  after(async () => {
    await rabbit.close();
    await server.close();
  });

  it('P5: a blocked connection holds messages back, says why they were late, and does not keep close waiting', async () => {
    const transport = rabbit.open({ publishTimeoutMs: 700, maxQueued: 5 });
    const outcomeOf = (published: Promise<void>) =>
      published.then(
        () => assert.fail('it was published'),
        (error: PublishError) => error.outcomes[0] as { readonly outcome: string; readonly error: Error },
      );
    // What stores the topic is published too, so nothing can be made; the first publish is what gets it blocked.
    const subscribing = transport.topology.apply({ topics: { blocked: { partitions: 1 } } });
    const raced = await Promise.race([subscribing.then(() => 'made'), eventually(() => {}).then(() => 'waits')]);
    assert.equal(raced, 'waits');
    const adopting = rabbit.open({
      ...{ publishTimeoutMs: 700, maxQueued: 5 },
      topics: { events: { adopt: { exchange: 'amq.topic' } } },
    });
    const first = await outcomeOf(adopting.publish('events', [messageOf('a')]));
    assert.match(first.error.message, /blocked the connection/);
    const unsent = await outcomeOf(adopting.publish('events', [messageOf('b')]));
    assert.equal(unsent.outcome, 'failed');
    assert.ok(isHoldfastError(unsent.error, 'publish_timeout'));
    const waiting = Array.from({ length: 6 }, (_, n) => outcomeOf(adopting.publish('events', [messageOf(`c${n}`)])));
    assert.ok(isHoldfastError((await waiting[5])?.error, 'publish_queue_full'));
    const startedAt = performance.now();
    await Promise.all([adopting.close({ deadlineMs: 300 }), transport.close({ deadlineMs: 300 })]);
    assert.ok(performance.now() - startedAt < 800);
    assert.ok(isHoldfastError((await waiting[0])?.error, 'closed'));
    await assert.rejects(subscribing);
  });
});
