import assert from 'node:assert/strict';
import { ack, isHoldfastError, PublishError, type Receive } from '@holdfast/core';
import type { ConfirmChannel } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

const collect = (): { readonly came: string[]; readonly receive: Receive } => {
  const came: string[] = [];
  return {
    came,
    receive: async ({ message }) => {
      came.push(message.id);
      return ack;
    },
  };
};

describe('what the RabbitMQ transport declares', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let raw: ConfirmChannel;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  beforeEach(async () => {
    raw = await rabbit.raw();
  });
  after(() => rabbit.close());

  it('is refused with the difference where a queue or an exchange is there with other arguments', async () => {
    const [queued, exchanged] = [rabbit.name('topic'), rabbit.name('topic')];
    await raw.assertQueue(`${queued}/g/0`, { durable: true });
    await raw.assertExchange(exchanged, 'fanout');
    const refused =
      (difference: RegExp) =>
      (error: unknown): boolean => {
        assert.ok(isHoldfastError(error, 'declaration_mismatch'), String(error));
        assert.match(error.message, difference);
        return true;
      };
    const subscribe = (topic: string) =>
      rabbit.open().subscribe([topic], async () => ack, { group: 'g', from: 'latest' });
    await assert.rejects(subscribe(queued), refused(/inequivalent arg .x-/));
    await assert.rejects(subscribe(exchanged), refused(/'type'.*direct.*fanout/));
  });

  it('P9: two who declare a topic at once with other numbers of partitions: one of them is told', async () => {
    const topic = rabbit.name('topic');
    const results = await Promise.allSettled(
      [2, 3, 2, 3].map((partitions) => rabbit.open().topology.apply({ topics: { [topic]: { partitions } } })),
    );
    const { partitions } = await rabbit.open().topology.describe(topic);
    for (const [index, result] of results.entries()) {
      if ((index % 2) + 2 === partitions) assert.equal(result.status, 'fulfilled');
      else assert.ok(result.status === 'rejected' && isHoldfastError(result.reason, 'topology_mismatch'));
    }
  });

  it('P3: processes that create a topic and its group by subscribing at once share it', async () => {
    const topic = rabbit.name('topic');
    const { came, receive } = collect();
    const subscriptions = await Promise.all(
      [1, 2, 3, 4].map(() => rabbit.open().subscribe([topic], receive, { group: 'g', from: 'latest' })),
    );
    await eventually(() =>
      assert.deepEqual(
        subscriptions.map(({ assignments }) => assignments.length),
        [1, 1, 1, 1],
      ),
    );
    const ids = Array.from({ length: 40 }, (_, n) => `m${n}`);
    await rabbit.open().publish(
      topic,
      ids.map((id) => messageOf(id)),
    );
    await eventually(() => assert.deepEqual([...came].sort(), [...ids].sort()));
  });

  it('P3: what does not divide evenly is shared out to within one', async () => {
    const topic = rabbit.name('topic');
    await rabbit.open().topology.apply({ topics: { [topic]: { partitions: 5 } } });
    const join = () => rabbit.open().subscribe([topic], async () => ack, { group: 'g', from: 'latest' });
    const subscriptions = [await join(), await join(), await join()];
    const shares = () => subscriptions.map(({ assignments }) => assignments.length).sort();
    await eventually(() => assert.deepEqual(shares(), [1, 2, 2]));
    await subscriptions[2]?.close();
    await eventually(() => assert.deepEqual(shares(), [0, 2, 3]));
  });

  it('P6: a queue that is deleted beneath is declared again, and its consumer goes on', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 2, groups: { g: 'latest' } } } });
    const { came, receive } = collect();
    const subscription = await transport.subscribe([topic], receive, { group: 'g', from: 'latest' });
    for (const partition of [0, 1]) await raw.deleteQueue(`${topic}/g/${partition}`);
    await eventually(async () => {
      await transport.publish(topic, [messageOf('after', 'k')]);
      assert.ok(came.includes('after'));
      assert.equal(subscription.health().ready, true);
    });
  });

  it('P1: a message to a deleted queue fails as unroutable, and the queue is there again for the next', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    await raw.deleteQueue(`${topic}/g/0`);
    await assert.rejects(transport.publish(topic, [messageOf('lost')]), (error) => {
      assert.ok(error instanceof PublishError && error.retryable);
      assert.equal(error.outcomes[0]?.outcome, 'failed');
      return isHoldfastError(error.cause, 'unroutable');
    });
    await transport.publish(topic, [messageOf('kept')]);
    assert.equal((await transport.topology.describe(topic)).groups[0]?.lag, 1);
  });

  it('P1: an exchange that is deleted beneath makes a publish unknown once, then an unknown topic', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    await transport.publish(topic, [messageOf('a')]);
    await raw.deleteExchange(topic);
    await raw.deleteQueue(`${topic}/about`);
    await assert.rejects(
      transport.publish(topic, [messageOf('b')]),
      (error) => error instanceof PublishError && error.outcomes[0]?.outcome === 'unknown',
    );
    await assert.rejects(
      transport.publish(topic, [messageOf('b')]),
      (error) => error instanceof PublishError && isHoldfastError(error.cause, 'unknown_topic'),
    );
  });

  it('P2: dead letters that nobody reads are kept', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    const receive: Receive = async () => ({ outcome: 'reject', reason: 'bad' });
    await transport.subscribe([topic], receive, { group: 'g', from: 'latest' });
    await transport.publish(topic, [messageOf('a', 'k'), messageOf('b', 'k')]);
    await eventually(async () => {
      const { groups } = await transport.topology.describe(`${topic}.dead`);
      assert.deepEqual(groups, [{ group: 'unread', lag: 2 }]);
    });
    const { came, receive: bury } = collect();
    await transport.subscribe([`${topic}.dead`], bury, { group: 'unread', from: 'latest' });
    await eventually(() => assert.deepEqual(came, ['a', 'b']));
  });
});
