import assert from 'node:assert/strict';
import {
  ClosedError,
  HoldfastError,
  InvalidOptionError,
  isHoldfastError,
  OversizedBodyError,
  TopologyMismatchError,
  UnknownTopicError,
  UnsupportedError,
} from '@holdfast/core';

/** The module a second time, as a second installed copy of the package would be. */
const secondCopy = async (): Promise<typeof import('../src/errors.ts')> =>
  await import(new URL('../src/errors.ts?second-copy', import.meta.url).href);

class PassingError extends HoldfastError {
  override readonly code = 'passing';
}

describe('a HoldfastError', () => {
  it('is known to the guard of another copy of the package, by code too', async () => {
    const other = await secondCopy();
    const error = new other.ClosedError('the consumer');
    assert.ok(!(error instanceof HoldfastError));
    assert.ok(isHoldfastError(error));
    assert.ok(isHoldfastError(error, 'closed'));
    assert.ok(!isHoldfastError(error, 'unsupported'));
    assert.ok(other.isHoldfastError(new ClosedError('the consumer'), 'closed'));
  });

  it('is told apart from anything else that may be thrown', () => {
    const strangers = [undefined, null, 0, 'closed', Symbol('closed'), {}, new Error('x'), { code: 'closed' }];
    for (const stranger of strangers) {
      assert.ok(!isHoldfastError(stranger));
      assert.ok(!isHoldfastError(stranger, 'closed'));
    }
  });

  it('carries its cause, its class as its name, and whether trying again may help', () => {
    const cause = new Error('reset');
    const error = new PassingError('could not', { cause, retryable: true });
    assert.equal(error.cause, cause);
    assert.equal(error.name, 'PassingError');
    assert.equal(error.retryable, true);
    assert.equal(new PassingError('could not').retryable, false);
    assert.ok(!('cause' in new PassingError('could not', { cause: undefined })));
  });

  it('shows no more than its data when it is printed as JSON', () => {
    const error = new OversizedBodyError('m1', 10, 5);
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      name: 'OversizedBodyError',
      code: 'oversized_body',
      retryable: false,
      bytes: 10,
      maxBytes: 5,
    });
  });

  it('says what was found, what was expected and what to do', () => {
    const messages = [
      new InvalidOptionError('partitions', 'found 0; expected at least 1'),
      new ClosedError('the consumer'),
      new UnsupportedError('redis', 'seek', 'use a new group'),
      new UnknownTopicError('ordres', ['orders', 'payments']),
      new UnknownTopicError('orders', []),
      new TopologyMismatchError('orders', 4, 8),
      new OversizedBodyError('m1', 10, 5),
    ].map((error) => `${error.code}: ${error.message}`);
    assert.deepEqual(messages, [
      'invalid_option: partitions: found 0; expected at least 1',
      'closed: the consumer is closed; create a new one to go on',
      "unsupported: transport 'redis' cannot seek: use a new group",
      "unknown_topic: topic 'ordres' does not exist (existing topics: orders, payments); " +
        "declare it in the transport's topics or with topology.apply",
      "unknown_topic: topic 'orders' does not exist (no topic exists yet); " +
        "declare it in the transport's topics or with topology.apply",
      "topology_mismatch: topic 'orders' has 4 partitions but 8 were declared; " +
        'a change of partitions moves keys: declare what is stored, or make a new topic',
      "oversized_body: message 'm1' has a body of 10 bytes, the transport takes 5; " +
        'store the body elsewhere and send a reference',
    ]);
  });
});
