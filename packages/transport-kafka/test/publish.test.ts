import assert from 'node:assert/strict';
import { isHoldfastError, PublishError, type PublishOutcome, silentLog } from '@holdfast/core';
import { kafkaTransport } from '../src/index.ts';

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
});
