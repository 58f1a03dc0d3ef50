import assert from 'node:assert/strict';
import { ack, type Message, type Receive, type Transport } from '@holdfast/core';
import { eventually, sharedRedis } from '../../harness/index.ts';
import { openTestStreams, type TestStreams } from './test-streams.ts';

const nested = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;

describe('entries that others have written', () => {
  let streams: TestStreams;
  beforeEach(async () => {
    streams = openTestStreams(await sharedRedis());
  });
  afterEach(() => streams.close());

  const collecting = () => {
    const messages: Message[] = [];
    const receive: Receive = async ({ message }) => {
      messages.push(message);
      return ack;
    };
    return { messages, receive };
  };

  const writeTo = (stream: string) => (id: string, headers: string) =>
    streams.redis.xadd(stream, '*', 'id', id, 'type', 't', 'content-type', 'c', 'headers', headers, 'body', id);

  const places: readonly { name: string; open(): Promise<{ transport: Transport; stream: string; dead: string }> }[] = [
    {
      name: 'a stream of ours',
      open: async () => {
        const transport = streams.open();
        await transport.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'earliest' } } } });
        return { transport, stream: streams.stream('t', 0), dead: 't.dead' };
      },
    },
    {
      name: 'an adopted stream',
      open: async () => {
        const stream = `${streams.prefix}theirs`;
        const transport = streams.open({ topics: { t: { adopt: { stream, deadTopic: 'failed' } } } });
        await streams.redis.xgroup('CREATE', stream, 'g', '0', 'MKSTREAM');
        await transport.topology.apply({ topics: { failed: { partitions: 1 } } });
        return { transport, stream, dead: 'failed' };
      },
    },
  ];

  for (const { name, open } of places) {
    it(`P2: in the form of ours on ${name} are handed over, or are dead letters, whatever their headers hold`, async () => {
      const { transport, stream, dead } = await open();
      const write = writeTo(stream);
      await write('first', '{}');
      for (const headers of ['null', '"x"', '7', '[1]', '{half', '{"n":1}']) await write(headers, headers);
      await write('nested', nested);
      await write('last', '{}');
      const [came, letters] = [collecting(), collecting()];
      await transport.subscribe([dead], letters.receive, { group: 'g', from: 'earliest' });
      const subscription = await transport.subscribe(['t'], came.receive, { group: 'g', from: 'earliest' });
      await eventually(() =>
        assert.deepEqual(
          came.messages.map(({ id }) => id),
          ['first', 'null', '"x"', '7', '[1]', '{half', '{"n":1}', 'last'],
        ),
      );
      assert.equal(came.messages[1]?.headers['holdfast-unreadable-headers'], 'null');
      assert.equal(came.messages[6]?.headers.n, '1');
      await eventually(() => assert.equal(letters.messages.length, 1));
      assert.match(letters.messages[0]?.headers['holdfast-dead-reason'] ?? '', /^unreadable: /);
      assert.ok(Buffer.from(letters.messages[0]?.body ?? []).includes('nested'));
      await eventually(async () => assert.equal((await streams.redis.xpending(stream, 'g'))[0], 0));
      assert.deepEqual(subscription.health(), { live: true, ready: true, reasons: [] });
    });

    it(`P2: on ${name} an entry that could not be handed over is handed over later, and not acked with those behind it`, async () => {
      // A clock that fails: the intake asks it when it takes in the first of a burst.
      let fails = 0;
      const { clock } = streams.runtime;
      const failing = {
        ...streams.runtime,
        clock: {
          ...clock,
          monotonic: () => {
            if (fails > 0 && /\bpush\b/.test(new Error().stack ?? '')) {
              fails--;
              throw new Error('no time');
            }
            return clock.monotonic();
          },
        },
      };
      const { stream } = await open();
      const transport = streams.open({
        runtime: failing,
        ...(name === 'an adopted stream' ? { topics: { t: { adopt: { stream, deadTopic: 'failed' } } } } : {}),
      });
      const came = collecting();
      await transport.subscribe(['t'], came.receive, { group: 'g', from: 'earliest' });
      fails = 1;
      for (const id of ['a', 'b', 'c']) await writeTo(stream)(id, '{}');
      const ids = () => came.messages.map(({ id }) => id);
      await eventually(() => assert.deepEqual(ids(), ['a', 'b', 'c']));
      assert.equal(fails, 0);
      await eventually(async () => assert.equal((await streams.redis.xpending(stream, 'g'))[0], 0));
    });
  }

  it('P8: a dead letter above `maxBodyBytes`, or with texts that no publish may have, is stored all the same', async () => {
    const { transport, stream, dead } = await (places[0] as (typeof places)[number]).open();
    const tight = streams.open({ maxBodyBytes: 10 });
    await streams.redis.xadd(stream, '*', 'id', 'big', 'type', 't', 'body', 'x'.repeat(100));
    await streams.redis.xadd(stream, '*', 'id', 'nul\0', 'type', 't', 'headers', '{"a":"\\ud800"}', 'body', 'x');
    const letters = collecting();
    await transport.subscribe([dead], letters.receive, { group: 'g', from: 'earliest' });
    await tight.subscribe(['t'], async () => ({ outcome: 'reject', reason: 'poison' }), {
      group: 'g',
      from: 'earliest',
    });
    await eventually(() => assert.deepEqual(letters.messages.map(({ id }) => id).toSorted(), ['big', 'nul\0']));
    assert.equal(letters.messages.find(({ id }) => id === 'big')?.body.byteLength, 100);
  });
});
