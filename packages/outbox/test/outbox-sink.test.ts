import assert from 'node:assert/strict';
import {
  ClosedError,
  HoldfastError,
  isHoldfastError,
  type Message,
  OversizedBodyError,
  PublishError,
  silentLog,
  type Transport,
  UnknownTopicError,
} from '@holdfast/core';
import type { RelayRow } from '@holdfast/relay';
import { outboxSink } from '../src/outbox-sink.ts';

class RefusedError extends HoldfastError {
  override readonly code = 'unsendable';
}

class MisconfiguredError extends HoldfastError {
  override readonly code = 'authentication_failed';
}

const never = new AbortController().signal;
const notUsed = () => Promise.reject(new Error('not used'));

const transportThat = (publish: (messages: readonly Message[]) => Promise<void>): Transport => ({
  name: 'scripted',
  capabilities: {
    ...{
      durable: false,
      replay: false,
      seek: false,
      failsSuffix: true,
      maxHoldMs: 0,
      maxBodyBytes: 10,
      balances: false,
    },
  },
  topology: { plan: notUsed, apply: notUsed, describe: notUsed, seek: notUsed },
  publish: (_topic, messages) => publish(messages),
  subscribe: notUsed,
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
});

const row = (id: string, body = '{}'): RelayRow => ({
  ...{ seq: '1', shard: 0, id, type: 't', topic: 'topic', key: id, headers: '{}', body, encoding: 'utf8', attempt: 1 },
});

const outcomesOf = async (
  publish: (messages: readonly Message[]) => Promise<void>,
  rows = [row('a'), row('b'), row('c')],
) => (await outboxSink(transportThat(publish), silentLog).send(rows, never)).map(({ outcome }) => outcome);

describe('the sink of the outbox', () => {
  it('has what the transport says of each message as its outcome', async () => {
    assert.deepEqual(await outcomesOf(async () => {}), ['ok', 'ok', 'ok']);
    const error = new Error('no');
    const partly = new PublishError('topic', [
      { outcome: 'ok' },
      { outcome: 'failed', error },
      { outcome: 'unknown', error },
    ]);
    assert.deepEqual(await outcomesOf(() => Promise.reject(partly)), ['ok', 'failed', 'unknown']);
  });

  it('knows nothing after an error that is not a refusal, or of a transport that is closed', async () => {
    assert.deepEqual(await outcomesOf(() => Promise.reject(new Error('reset'))), ['unknown', 'unknown', 'unknown']);
    const closed = new ClosedError('transport');
    assert.deepEqual(await outcomesOf(() => Promise.reject(closed)), ['unknown', 'unknown', 'unknown']);
    const wrapped = (messages: readonly Message[]) =>
      PublishError.all('topic', messages, { outcome: 'failed', error: closed });
    assert.deepEqual(await outcomesOf((messages) => Promise.reject(wrapped(messages))), [
      'unknown',
      'unknown',
      'unknown',
    ]);
  });

  it('fails all for a topic that does not exist', async () => {
    const error = new UnknownTopicError('topic', []);
    assert.deepEqual(await outcomesOf(() => Promise.reject(error)), ['failed', 'failed', 'failed']);
  });

  it('blames one, where all were refused with one error', async () => {
    const error = new RefusedError('all');
    const all = (messages: readonly Message[]) => PublishError.all('topic', messages, { outcome: 'failed', error });
    assert.deepEqual(await outcomesOf((messages) => Promise.reject(all(messages))), ['failed', 'later', 'later']);
  });

  it('blames no message for what speaks of the transport, and logs that once until something is published', async () => {
    const error = new MisconfiguredError('wrong password');
    let refused = true;
    const logged: unknown[] = [];
    const publish = (): Promise<void> => (refused ? Promise.reject(error) : Promise.resolve());
    const sink = outboxSink(transportThat(publish), { ...silentLog, error: (fields) => void logged.push(fields) });
    for (const rows of [[row('a'), row('b')], [row('a')]]) {
      const [first, second] = await sink.send(rows, never);
      assert.ok(first?.outcome === 'failed' && isHoldfastError(first.error, 'transport_refuses'));
      assert.ok(first.error.retryable);
      assert.match(first.error.message, /authentication_failed: wrong password/);
      assert.ok(second === undefined || second.outcome === 'later');
    }
    assert.deepEqual(logged, [{ error }]);
    refused = false;
    assert.deepEqual(await sink.send([row('a')], never), [{ outcome: 'ok' }]);
    refused = true;
    await sink.send([row('a')], never);
    assert.equal(logged.length, 2);
    const all = (messages: readonly Message[]) => PublishError.all('topic', messages, { outcome: 'failed', error });
    assert.deepEqual(await outcomesOf((messages) => Promise.reject(all(messages))), ['failed', 'later', 'later']);
  });

  it('finds the one that a whole publish was refused for, in order', async () => {
    const sent: string[] = [];
    const publish = async (messages: readonly Message[]): Promise<void> => {
      if (messages.some(({ id }) => id === 'b')) throw new RefusedError('one of them');
      sent.push(...messages.map(({ id }) => id));
    };
    assert.deepEqual([await outcomesOf(publish), sent], [['ok', 'failed', 'later'], ['a']]);
  });

  it('sends nothing beside a body that is too large for the transport', async () => {
    let calls = 0;
    const sink = outboxSink(
      transportThat(async () => void calls++),
      silentLog,
    );
    const outcomes = await sink.send([row('a'), row('b', 'x'.repeat(11))], never);
    const [first, second] = outcomes;
    assert.deepEqual([first?.outcome, second?.outcome, calls], ['later', 'failed', 0]);
    assert.ok(second?.outcome === 'failed' && second.error instanceof OversizedBodyError);
  });
});
