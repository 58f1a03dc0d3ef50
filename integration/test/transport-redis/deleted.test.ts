import assert from 'node:assert/strict';
import { ack, isHoldfastError, type Receive } from '@holdfast/core';
import { eventually, sharedRedis } from '../../harness/index.ts';
import { messageOf, messagesOf, openTestStreams, type TestStreams } from './test-streams.ts';

describe('streams and groups that are deleted underneath', () => {
  let streams: TestStreams;
  beforeEach(async () => {
    streams = openTestStreams(await sharedRedis());
  });
  afterEach(() => streams.close());

  const collecting = () => {
    const ids: string[] = [];
    const receive: Receive = async ({ message }) => {
      ids.push(message.id);
      return ack;
    };
    return { ids, receive };
  };

  it('P6: a group that was deleted is made again from the first message, with an alarm', async () => {
    const transport = streams.open();
    const { ids, receive } = collecting();
    await transport.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'latest' } } } });
    await transport.subscribe(['t'], receive, { group: 'g', from: 'latest' });
    await transport.publish('t', [messageOf('a')]);
    await eventually(() => assert.deepEqual(ids, ['a']));
    await streams.redis.xgroup('DESTROY', streams.stream('t', 0), 'g');
    await transport.publish('t', [messageOf('b')]);
    await eventually(() => assert.deepEqual(ids, ['a', 'a', 'b']));
    assert.equal(streams.counts.get('holdfast.redis.healed_groups'), 1);
    assert.ok(streams.complaints.some((text) => text.startsWith('the group was gone from its stream')));
  });

  it('P6: a stream that was deleted with all its messages is read again when it has new ones', async () => {
    const transport = streams.open();
    const { ids, receive } = collecting();
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    await transport.subscribe(['t'], receive, { group: 'g', from: 'latest' });
    await transport.publish('t', [messageOf('a')]);
    await eventually(() => assert.deepEqual(ids, ['a']));
    await streams.redis.del(streams.stream('t', 0));
    await transport.publish('t', [messageOf('b')]);
    await eventually(() => assert.deepEqual(ids, ['a', 'b']));
  });

  it('P3: goes on when every key of ours is deleted, the fences and leases included', async () => {
    const transport = streams.open({ leaseMs: 600 });
    const { ids, receive } = collecting();
    await transport.topology.apply({ topics: { t: { partitions: 2 } } });
    const subscription = await transport.subscribe(['t'], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.equal(subscription.assignments.length, 2));
    const tokens = subscription.assignments.map(({ token }) => Number(token));
    await streams.redis.del(...(await streams.redis.keys(`${streams.prefix}*`)));
    await transport.publish('t', [messageOf('a', 'a'), messageOf('b', 'b'), messageOf('c', 'c')]);
    await eventually(() => assert.deepEqual([...new Set(ids)].sort(), ['a', 'b', 'c']));
    await eventually(() => assert.ok(subscription.health().ready));
    for (const { token } of subscription.assignments) assert.ok(Number(token) > Math.max(...tokens));
    assert.equal(streams.counts.get('holdfast.redis.healed_groups'), 2, 'P6: the loss went unsaid');
  });

  it('P6: messages that were trimmed before anybody had settled them are reported, not passed over in silence', async () => {
    const transport = streams.open();
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    const held: string[] = [];
    const first = await transport.subscribe(
      ['t'],
      async ({ message }) => {
        held.push(message.id);
        return { outcome: 'retry', delayMs: 60_000, spent: true };
      },
      { group: 'g', from: 'latest' },
    );
    await transport.publish('t', messagesOf(4, 4));
    await eventually(() => assert.equal(held.length, 4));
    await first.close();
    await streams.redis.xtrim(streams.stream('t', 0), 'MAXLEN', 2);
    const { ids, receive } = collecting();
    await transport.subscribe(['t'], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.deepEqual(ids, ['m2', 'm3']));
    await eventually(() => assert.equal(streams.counts.get('holdfast.redis.lost_bodies'), 2));
    await eventually(async () =>
      assert.equal((await streams.redis.xpending(streams.stream('t', 0), 'g'))[0], 0, 'they stay pending for ever'),
    );
  });

  it('P6: messages that were trimmed before the group was given them are reported, once, and nothing else is', async () => {
    const transport = streams.open();
    const stream = streams.stream('t', 0);
    await transport.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'earliest' } } } });
    await transport.publish('t', messagesOf(10, 4));
    await streams.redis.xtrim(stream, 'MAXLEN', 4);
    const { ids, receive } = collecting();
    const subscription = await transport.subscribe(['t'], receive, { group: 'g', from: 'earliest' });
    await eventually(() => assert.deepEqual(ids.toSorted(), ['m6', 'm7', 'm8', 'm9']));
    assert.equal(streams.counts.get('holdfast.redis.trimmed_unread'), 6);
    const settled = async (): Promise<void> =>
      assert.deepEqual((await transport.topology.describe('t')).groups, [{ group: 'g', lag: 0 }]);
    await eventually(settled);
    // What is settled may go, by whatever command, without a word.
    await streams.redis.xdel(stream, (await streams.redis.xrange(stream, '-', '+', 'COUNT', 1))[0]?.[0] ?? '');
    await streams.redis.xtrim(stream, 'MAXLEN', 0);
    await transport.publish('t', [messageOf('a')]);
    await eventually(() => assert.equal(ids.at(-1), 'a'));
    await eventually(settled);
    assert.equal(streams.counts.get('holdfast.redis.trimmed_unread'), 6);
    // While it runs and lags, down to an empty stream.
    subscription.pause('test');
    await transport.publish('t', messagesOf(5, 5, 'p'));
    await streams.redis.xtrim(stream, 'MAXLEN', 0);
    subscription.resume('test');
    await eventually(() => assert.equal(streams.counts.get('holdfast.redis.trimmed_unread'), 11), {
      timeoutMs: 15_000,
    });
    await eventually(settled);
    assert.equal(streams.complaints.filter((text) => text.startsWith('messages were trimmed')).length, 2);
  });

  it('P6: a group that begins, or is moved, behind what was trimmed has missed nothing', async () => {
    const transport = streams.open();
    const stream = streams.stream('t', 0);
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    await transport.publish('t', messagesOf(10, 4));
    await streams.redis.xtrim(stream, 'MAXLEN', 4);
    for (const from of ['earliest', 'latest'] as const) {
      const group = `g-${from}`;
      const { ids, receive } = collecting();
      const first = await transport.subscribe(['t'], receive, { group, from });
      await transport.publish('t', [messageOf(group)]);
      await eventually(() => assert.equal(ids.at(-1), group));
      await first.close();
      await transport.topology.seek('t', group, 'earliest');
      const again = collecting();
      await transport.subscribe(['t'], again.receive, { group, from });
      await eventually(() => assert.ok(again.ids.includes('m6') && again.ids.includes(group)));
    }
    assert.equal(streams.counts.get('holdfast.redis.trimmed_unread'), undefined);
  });

  it('P8: a partition that cannot be read does not slow the others down, and is read again when it can', async () => {
    const transport = streams.open();
    const { ids, receive } = collecting();
    await transport.topology.apply({ topics: { t: { partitions: 1 }, other: { partitions: 1 } } });
    const subscription = await transport.subscribe(['t', 'other'], receive, { group: 'g', from: 'latest' });
    await streams.redis.rename(streams.stream('t', 0), streams.stream('away', 0));
    await streams.redis.set(streams.stream('t', 0), 'a string');
    await eventually(() => assert.match(subscription.health().reasons.join(), /WRONGTYPE/));
    for (let n = 0; n < 30; n++) {
      await transport.publish('other', [messageOf(`m${n}`)]);
      await eventually(() => assert.equal(ids.length, n + 1), { timeoutMs: 1_500 });
    }
    await streams.redis.rename(streams.stream('away', 0), streams.stream('t', 0));
    await transport.publish('t', [messageOf('late')]);
    await eventually(() => assert.equal(ids.at(-1), 'late'));
    await eventually(() => assert.deepEqual(subscription.health().reasons, []));
  });

  it('P1: a stream whose key holds something else fails its publishes by name, and only those', async () => {
    const transport = streams.open();
    await transport.topology.apply({ topics: { t: { partitions: 1 }, other: { partitions: 1 } } });
    await streams.redis.set(streams.stream('t', 0), 'a string');
    const error = await transport.publish('t', [messageOf('a')]).catch((reason: unknown) => reason);
    assert.ok(isHoldfastError(error) && !error.retryable && /WRONGTYPE/.test(error.message), String(error));
    await transport.publish('other', [messageOf('a')]);
  });
});
