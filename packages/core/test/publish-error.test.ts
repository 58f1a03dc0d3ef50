import assert from 'node:assert/strict';
import { ClosedError, PublishError, type PublishOutcome } from '@holdfast/core';
import { aMessage } from './a-delivery.ts';

const ok: PublishOutcome = { outcome: 'ok' };
const unknown: PublishOutcome = { outcome: 'unknown', error: new Error('connection reset') };
const failed: PublishOutcome = { outcome: 'failed', error: new Error('queue full') };
const refused: PublishOutcome = { outcome: 'failed', error: new ClosedError('the transport') };

describe('a PublishError', () => {
  it('keeps one outcome per message and counts those that are not confirmed', () => {
    const error = new PublishError('orders', [ok, failed, unknown]);
    assert.deepEqual(error.outcomes, [ok, failed, unknown]);
    assert.equal(error.message, "2 of 3 messages for topic 'orders' were not confirmed (1 unknown): queue full");
    assert.equal(error.cause, failed.error);
  });

  it('is worth trying again unless one message was refused for good', () => {
    assert.equal(new PublishError('orders', [ok, unknown, failed]).retryable, true);
    assert.equal(new PublishError('orders', [unknown, refused]).retryable, false);
  });

  it('can give all messages of a publish the same outcome', () => {
    const error = PublishError.all('orders', [aMessage(), aMessage({ id: 'm2' })], unknown);
    assert.deepEqual(error.outcomes, [unknown, unknown]);
  });
});
