import assert from 'node:assert/strict';
import { ack, PublishError, type Transport } from '@holdfast/core';
import { eventually, sharedRedis } from '../../harness/index.ts';
import { messageOf, messagesOf, openTestStreams, type TestStreams } from './test-streams.ts';

describe('the length of streams', () => {
  let streams: TestStreams;
  beforeEach(async () => {
    streams = openTestStreams(await sharedRedis());
  });
  afterEach(() => streams.close());

  const one = async (transport: Transport, groups: Readonly<Record<string, 'earliest'>>) => {
    await transport.topology.apply({ topics: { t: { partitions: 1, groups } } });
    return () => streams.redis.xlen(streams.stream('t', 0));
  };

  it('P2: is trimmed to what is old enough, never past the slowest group', async () => {
    const transport = streams.open({ retentionMs: 0 });
    const length = await one(transport, { quick: 'earliest', slow: 'earliest' });
    await transport.publish('t', messagesOf(1_000, 10));
    const acked: string[] = [];
    await transport.subscribe(
      ['t'],
      async ({ message }) => {
        acked.push(message.id);
        return ack;
      },
      { group: 'quick', from: 'earliest' },
    );
    await eventually(() => assert.equal(acked.length, 1_000));
    const [stuck] = await streams.redis
      .xreadgroup(...(['GROUP', 'slow', 'someone', 'COUNT', 1, 'STREAMS', streams.stream('t', 0), '>'] as const))
      .then((reply) => (reply as [string, [string, string[]][]][])[0]?.[1] ?? []);
    // A round of trimming comes within a second and a half; the slow group holds everything.
    await eventually(
      async () => {
        await streams.redis.xadd(streams.stream('t', 0), '*', 'id', 'x', 'type', 't', 'body', '');
        assert.ok((await length()) > 1_060, 'not every round has had its chance yet');
      },
      { everyMs: 30 },
    );
    assert.equal((await streams.redis.xrange(streams.stream('t', 0), '-', '+', 'COUNT', 1))[0]?.[0], stuck?.[0]);
    await streams.redis.xgroup('SETID', streams.stream('t', 0), 'slow', '$');
    await streams.redis.xack(streams.stream('t', 0), 'slow', stuck?.[0] ?? '');
    await eventually(async () => assert.ok((await length()) < 200, 'nothing was trimmed'));
  });

  it('P5: at its capacity refuses by the name of the slowest group, and takes messages again once that has caught up', async () => {
    const transport = streams.open({ capacity: 10 });
    const length = await one(transport, { slow: 'earliest' });
    await transport.publish('t', messagesOf(10, 3));
    const error = await transport.publish('t', [messageOf('more')]).catch((reason: unknown) => reason);
    assert.ok(error instanceof PublishError && error.retryable);
    assert.match(error.message, /holds its capacity of 10 messages; group 'slow' has not settled the oldest/);
    assert.equal(await length(), 10);
    await transport.subscribe(['t'], async () => ack, { group: 'slow', from: 'earliest' });
    await eventually(() => transport.publish('t', [messageOf('more')]));
    assert.ok((await length()) <= 10);
  });

  it('P5: a publisher may wait for room', async () => {
    const transport = streams.open({ capacity: 10, fullWaitMs: 10_000 });
    await one(transport, { slow: 'earliest' });
    await transport.publish('t', messagesOf(10, 3));
    const waiting = transport.publish('t', [messageOf('more')]);
    await transport.subscribe(['t'], async () => ack, { group: 'slow', from: 'earliest' });
    await waiting;
  });

  it('P5: a publisher that waits for room asks for it, and does not send its messages again and again', async () => {
    const transport = streams.open({ capacity: 1, fullWaitMs: 1_000 });
    await one(transport, { slow: 'earliest' });
    await transport.publish('t', [messageOf('first')]);
    const received = async (): Promise<number> =>
      Number(/total_net_input_bytes:(\d+)/.exec(await streams.redis.info('stats'))?.[1]);
    const before = await received();
    await assert.rejects(transport.publish('t', [messageOf('large', 'k', 'x'.repeat(200_000))]));
    assert.ok((await received()) - before < 600_000, 'it was sent more than twice');
  });

  it('P9: a lag that Redis does not know is counted', async () => {
    const transport = streams.open();
    await one(transport, { ours: 'earliest' });
    await transport.publish('t', messagesOf(2_500, 10));
    const stream = streams.stream('t', 0);
    const third = (await streams.redis.xrange(stream, '-', '+', 'COUNT', 3))[2]?.[0] ?? '';
    await streams.redis.xgroup('CREATE', stream, 'theirs', third);
    assert.deepEqual((await transport.topology.describe('t')).groups, [
      { group: 'ours', lag: 2_500 },
      { group: 'theirs', lag: 2_497 },
    ]);
  });

  it('P6: a group that has settled nothing for longer than its expiry is reported by name, and kept', async () => {
    const reported: object[] = [];
    const { runtime } = streams;
    const transport = streams.open({
      groupExpiryMs: 1_000,
      runtime: { ...runtime, log: { ...runtime.log, error: (fields) => reported.push(fields) } },
    });
    await one(transport, { forgotten: 'earliest', busy: 'earliest' });
    await transport.publish('t', messagesOf(3, 3));
    await transport.subscribe(['t'], async () => ack, { group: 'busy', from: 'earliest' });
    await eventually(() => assert.ok(reported.some((fields) => 'group' in fields && fields.group === 'forgotten')));
    assert.ok(!reported.some((fields) => 'group' in fields && fields.group === 'busy'));
    const { groups } = await transport.topology.describe('t');
    assert.deepEqual(groups, [
      { group: 'busy', lag: 0 },
      { group: 'forgotten', lag: 3 },
    ]);
  });
});
