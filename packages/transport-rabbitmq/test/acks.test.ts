import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { createAcks } from '../src/acks.ts';
import type { AmqpChannel, AmqpMessage } from '../src/amqp.ts';

/** What the broker has unacked; it closes the channel for a tag that it does not know, as RabbitMQ does. */
const brokerWith = (tags: number) => {
  const unacked = new Set(Array.from({ length: tags }, (_, n) => n + 1));
  const said: string[] = [];
  const ended = new AbortController();
  const channel = {
    ack: ({ fields: { deliveryTag } }: AmqpMessage, allUpTo = false) => {
      said.push(allUpTo ? `..${deliveryTag}` : `${deliveryTag}`);
      if (!unacked.has(deliveryTag)) ended.abort(new Error(`unknown delivery tag ${deliveryTag}`));
      for (const tag of allUpTo ? [...unacked].filter((one) => one <= deliveryTag) : [deliveryTag]) unacked.delete(tag);
    },
  } as AmqpChannel;
  return { unacked, said, open: { channel, ended: ended.signal, close: async () => {} } };
};

describe('acks', () => {
  it('ack what is settled without a gap at once, with one frame for a turn of the event loop', async () => {
    const { said, open } = brokerWith(5);
    const acks = createAcks(open, 100, () => {});
    for (const tag of ['1', '2', '3']) {
      acks.settledOne(tag);
      acks.settledTo(tag);
    }
    await setImmediate();
    await setImmediate();
    assert.deepEqual(said, ['..3']);
  });

  it('ack singly behind a held message, when half of the credit is used up, and never a tag twice', async () => {
    const { said, unacked, open } = brokerWith(6);
    const acks = createAcks(open, 4, () => {});
    acks.settledOne('2');
    await setImmediate();
    assert.deepEqual(said, []);
    acks.settledOne('4');
    await setImmediate();
    assert.deepEqual(said, ['2', '4']);
    acks.settledOne('3');
    acks.settledOne('1');
    acks.settledTo('4');
    await setImmediate();
    assert.deepEqual(said, ['2', '4', '..3']);
    assert.deepEqual([...unacked], [5, 6]);
    assert.equal(open.ended.aborted, false);
  });

  it('ack at the end all that is settled, behind a held message too', () => {
    const { said, unacked, open } = brokerWith(5);
    const acks = createAcks(open, 100, () => {});
    for (const tag of ['1', '3', '4']) acks.settledOne(tag);
    acks.settledTo('1');
    acks.flush();
    assert.deepEqual(said, ['..1', '3', '4']);
    assert.deepEqual([...unacked], [2, 5]);
  });

  it('say nothing on a channel that has ended', () => {
    const { said, open } = brokerWith(1);
    const acks = createAcks({ ...open, ended: AbortSignal.abort() }, 4, () => {});
    acks.settledOne('1');
    acks.settledTo('1');
    acks.flush();
    assert.deepEqual(said, []);
  });
});
