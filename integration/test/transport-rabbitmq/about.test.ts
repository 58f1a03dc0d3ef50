import assert from 'node:assert/strict';
import type { ConfirmChannel } from 'amqplib';
import { openTestRabbit, type TestRabbit } from './test-rabbit.ts';

describe('what is stored about a topic on RabbitMQ', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  let raw: ConfirmChannel;
  before(async () => {
    rabbit = await openTestRabbit();
    raw = await rabbit.raw();
  });
  after(() => rabbit.close());

  const groupsOf = async (topic: string) =>
    (await rabbit.open().topology.describe(topic)).groups.map(({ group }) => group);

  it('P2: a topic whose making broke off before anything was stored is made again', async () => {
    const topic = rabbit.name('topic');
    const other = rabbit.name('topic');
    await rabbit.open().topology.apply({ topics: { [topic]: { partitions: 2 }, [other]: { partitions: 2 } } });
    for (const half of [topic, other]) await raw.purgeQueue(`${half}/about`);
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 2, groups: { g: 'latest' } } } });
    assert.deepEqual(await groupsOf(topic), ['g']);
    await assert.rejects(transport.topology.apply({ topics: { [other]: { partitions: 3 } } }), /'topic-.*empty/);
  });

  it('P2: a group whose making broke off before it was stored is made again', async () => {
    const topic = rabbit.name('topic');
    const request = { topics: { [topic]: { partitions: 1, groups: { g: 'latest' as const } } } };
    await rabbit.open().topology.apply(request);
    await raw.purgeQueue(`${topic}/about`);
    await rabbit.open().topology.apply({ topics: { [topic]: { partitions: 1 } } });
    assert.deepEqual(await groupsOf(topic), []);
    await rabbit.open().topology.apply(request);
    assert.deepEqual(await groupsOf(topic), ['g']);
  });

  it('P5: is written anew now and then, so that reading it does not make the log of its queue grow for ever', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 1, groups: { g: 'latest' } } } });
    for (let n = 0; n < 130; n++) await transport.topology.describe(topic);
    const got = await raw.get(`${topic}/about`);
    assert.ok(got !== false);
    raw.nack(got);
    assert.ok(Number(got.properties.headers?.['x-delivery-count'] ?? 0) <= 100);
    assert.deepEqual(await groupsOf(topic), ['g']);
  });
});
