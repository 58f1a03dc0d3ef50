import assert from 'node:assert/strict';
import { createPublisher, defineMessage, type Span, systemClock } from '@holdfast/core';
import * as z from 'zod';
import { aMessage } from './a-delivery.ts';
import { recordingTransport } from './recording-transport.ts';

const OrderPlaced = defineMessage('order.placed', {
  version: 3,
  topic: 'orders',
  schema: z.object({ orderId: z.string(), total: z.coerce.number<string>() }),
  key: (order) => order.orderId,
});

const runtime = { ids: () => 'id-1', clock: { ...systemClock, now: () => Date.UTC(2026, 0, 2) } };

describe('a publisher', () => {
  it("publishes to the contract's topic and returns the message that it sent", async () => {
    const transport = recordingTransport();
    const message = await createPublisher(transport, { runtime }).publish(OrderPlaced, { orderId: 'a', total: '12' });
    assert.deepEqual(
      transport.published.map(({ topic, messages }) => ({ topic, messages })),
      [{ topic: 'orders', messages: [message] }],
    );
    assert.deepEqual(message, {
      id: 'id-1',
      type: 'order.placed',
      key: 'a',
      headers: {
        'content-type': 'application/json',
        ce_time: '2026-01-02T00:00:00.000Z',
        ce_dataversion: '3',
      },
      body: new TextEncoder().encode('{"orderId":"a","total":"12"}'),
    });
  });

  it('takes id, key, topic, headers and the signal from the call', async () => {
    const transport = recordingTransport();
    const { signal } = new AbortController();
    const sending = { id: 'mine', key: 'k', topic: 'other', headers: { tenant: 'acme' }, signal };
    const message = await createPublisher(transport).publish(OrderPlaced, { orderId: 'a', total: '1' }, sending);
    assert.deepEqual([message.id, message.key, message.headers.tenant], ['mine', 'k', 'acme']);
    assert.deepEqual([transport.published[0]?.topic, transport.published[0]?.signal], ['other', signal]);
  });

  it('sends nothing for a payload that the schema refuses', async () => {
    const transport = recordingTransport();
    const publisher = createPublisher(transport);
    // @ts-expect-error: a payload without its id is a type error at the call
    await assert.rejects(publisher.publish(OrderPlaced, { total: '1' }), { code: 'invalid_payload' });
    // @ts-expect-error: and one bad payload keeps the others back
    const both = publisher.publishMany(OrderPlaced, [{ orderId: 'a', total: '1' }, { orderId: 'b' }]);
    await assert.rejects(both, { code: 'invalid_payload' });
    assert.deepEqual(transport.published, []);
  });

  it('publishes many as one publish, in order', async () => {
    const transport = recordingTransport();
    const payloads = ['a', 'b', 'c'].map((orderId) => ({ orderId, total: '1' }));
    const messages = await createPublisher(transport).publishMany(OrderPlaced, payloads);
    assert.equal(transport.published.length, 1);
    assert.deepEqual(transport.published[0]?.messages, messages);
    assert.deepEqual(
      messages.map(({ key }) => key),
      ['a', 'b', 'c'],
    );
    assert.equal(new Set(messages.map(({ id }) => id)).size, 3);
  });

  it('says which message an answer follows from, and keeps the conversation together', async () => {
    const publisher = createPublisher(recordingTransport());
    const payload = { orderId: 'a', total: '1' };
    const question = aMessage({ id: 'question' });
    const answer = await publisher.publish(OrderPlaced, payload, { inReplyTo: question });
    assert.deepEqual([answer.headers.correlationid, answer.headers.causationid], ['question', 'question']);
    const next = await publisher.publish(OrderPlaced, payload, { inReplyTo: answer });
    assert.deepEqual([next.headers.correlationid, next.headers.causationid], ['question', answer.id]);
  });

  it('runs each publish inside the trace of its runtime', async () => {
    const spans: Span[] = [];
    const trace = <T>(span: Span, run: () => Promise<T>): Promise<T> => {
      spans.push(span);
      return run();
    };
    const publisher = createPublisher(recordingTransport(), { runtime: { trace } });
    await publisher.publish(OrderPlaced, { orderId: 'a', total: '1' });
    assert.deepEqual(spans, [{ name: 'publish', attributes: { type: 'order.placed', topic: 'orders', messages: 1 } }]);
  });
});
