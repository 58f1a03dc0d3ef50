import assert from 'node:assert/strict';
import { isHoldfastError, PublishError, type PublishOutcome, silentLog } from '@holdfast/core';
import { kafkaTransport } from '../src/index.ts';
import { readOptions } from '../src/options.ts';
import { createPublisher } from '../src/publish.ts';
import { createTopics } from '../src/topics.ts';

const body = new Uint8Array(1_000_000);
const large = Array.from({ length: 200 }, (_, n) => ({ id: `m${n}`, type: 't', headers: {}, body }));

const outcomeOf = async (published: Promise<void>): Promise<PublishOutcome | undefined> => {
  const error = await published.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof PublishError);
  return error.outcomes[0];
};

const failedWith = (outcome: PublishOutcome | undefined, code: string): boolean =>
  outcome?.outcome === 'failed' && isHoldfastError(outcome.error, code);

describe('publishing to a Kafka that is not there', () => {
  it('P5: what waits is bounded, and what is too much is refused at once', async () => {
    const transport = kafkaTransport({ brokers: ['127.0.0.1:1'], runtime: { log: silentLog } });
    const first = outcomeOf(transport.publish('orders', large));
    assert.ok(failedWith(await outcomeOf(transport.publish('orders', large)), 'batcher_full'));
    assert.ok(failedWith(await first, 'broker_unreachable'));
    const again = outcomeOf(transport.publish('orders', large));
    await transport.close({ deadlineMs: 100 });
    assert.ok(failedWith(await again, 'closed'));
  });

  it('P5: headers count among the bytes that wait', async () => {
    const transport = kafkaTransport({ brokers: ['127.0.0.1:1'], runtime: { log: silentLog } });
    const note = 'n'.repeat(1_000_000);
    const heavy = large.map((message) => ({ ...message, body: new Uint8Array(1), headers: { note } }));
    const first = outcomeOf(transport.publish('orders', heavy));
    assert.ok(failedWith(await outcomeOf(transport.publish('orders', heavy)), 'batcher_full'));
    await transport.close({ deadlineMs: 100 });
    await first;
  });

  it('P7: what comes after it was stopped is refused, and its gauge is back at zero', async () => {
    const gauges: number[] = [];
    const meter = { count: () => {}, record: () => {}, gauge: (_: string, value: number) => void gauges.push(value) };
    const settings = readOptions({ brokers: ['127.0.0.1:1'], runtime: { log: silentLog, meter } });
    const link = settings.driver.link();
    const topics = createTopics(link.topics, settings);
    const publisher = createPublisher({ link, topics, settings, prepare: async () => {} });
    const message = { id: 'a', type: 't', headers: {}, body: new Uint8Array(1) };
    const before = outcomeOf(publisher.publish('orders', [message]));
    publisher.stop();
    assert.ok(failedWith(await before, 'closed'));
    assert.ok(failedWith(await outcomeOf(publisher.publish('orders', [message])), 'closed'));
    assert.deepEqual(gauges, [1, 0]);
    link.close();
  });
});
