import assert from 'node:assert/strict';
import { explain, type TopicDescription, type Transport } from '../src/index.ts';
import { recordingTransport } from './recording-transport.ts';

const describing = (
  description: Partial<TopicDescription>,
  transport: Transport = recordingTransport(),
): Transport => ({
  ...transport,
  topology: {
    ...transport.topology,
    describe: async (topic) => ({ topic, partitions: 1, groups: [], ...description }),
  },
});

describe('explain', () => {
  it('P9: says in plain lines what a transport promises for a topic', async () => {
    const capabilities = {
      ...{ durable: true, replay: true, seek: true, failsSuffix: false, balances: true },
      ...{ maxHoldMs: 900_000, maxBodyBytes: 1_048_576 },
    };
    const groups = [
      { group: 'billing', lag: 1_200 },
      { group: 'shipping', lag: 1 },
    ];
    const transport = describing(
      { partitions: 8, groups, deadTopic: 'orders.dead' },
      { ...recordingTransport(), capabilities },
    );
    assert.equal(
      await explain(transport, 'orders'),
      `topic 'orders' on recording
  declared      by Holdfast
  partitions    8; a key is in partition murmur2(key) % 8
  groups        'billing' has 1,200 messages to settle, 'shipping' has 1 message to settle
  order         the messages of a key come one after another, each once the one before it is settled
  dead letters  go to 'orders.dead' without a database
  durability    what was published survives a crash of the broker
  publishing    one message of a key in flight
  new groups    start at 'earliest' or 'latest'
  seek          a group can be moved
  balance       partitions are spread over the processes of a group
  retries       wait in process for up to 15 min, other keys go on
  bodies        up to 1,048,576 bytes
  delivery      at least once: a copy has the same id, and once() turns it away
  delays        none when publishing; outbox.add takes delayMs`,
    );
  });

  it('P9: says what is not promised, above all for an adopted topic', async () => {
    const notes = { durability: 'not known', 'delivery limit': '20' };
    const adopted = { what: "queue 'billing.orders'", keyOrder: false, notes };
    const text = await explain(describing({ adopted }), 'orders');
    for (const line of [
      "declared        by somebody else: queue 'billing.orders'; never declared, changed, trimmed or deleted by Holdfast",
      "order           not kept: several consumers share it; subscribe with ordering: 'none'",
      'dead letters    go nowhere without a database',
      'durability      not known',
      'delivery limit  20',
      "new groups      start at 'latest'",
      'seek            a group cannot be moved',
      'retries         wait in process for up to 0 s, other keys go on',
    ]) {
      assert.ok(text.includes(`\n  ${line}`), `not there: ${line}\n${text}`);
    }
  });

  it('says which topic is unknown', async () => {
    await assert.rejects(explain(recordingTransport(), 'orders'));
  });
});
