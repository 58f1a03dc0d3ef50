import assert from 'node:assert/strict';
import { isHoldfastError, type Message, type PublishError } from '@holdfast/core';
import { messageOf, messagesOf } from '../message-of.ts';
import type { TestCase } from '../test-case.ts';
import { createWitness } from '../witness.ts';
import type { TransportBench } from './bench.ts';
import { checkTold, toldOf } from './outcomes.ts';
import { refusal } from './refusal.ts';

/** P1: what a publish promises. */
export const publishing: readonly TestCase<TransportBench>[] = [
  {
    name: 'P1: what was published is there although its publisher closed at once',
    run: async (bench) => {
      const [publisher, subscriber] = [await bench.open(), await bench.open()];
      const topic = await bench.topic(publisher);
      const witness = createWitness();
      await bench.subscribe(subscriber, [topic], witness.receive());
      const messages = messagesOf(50, 5);
      await publisher.publish(topic, messages);
      await publisher.close();
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
    },
  },
  {
    name: 'P1: a message comes as it was sent: id, type, key, headers, and empty, binary and unicode bodies',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      await transport.publish(topic, oddMessages);
      await bench.eventually(() => assert.equal(witness.acked.length, oddMessages.length));
      for (const sent of oddMessages) {
        const seen = witness.sightings.find(({ delivery }) => delivery.message.id === sent.id)?.delivery.message;
        assert.deepEqual({ ...seen, body: [...(seen?.body ?? [])] }, { ...sent, body: [...sent.body] });
      }
    },
  },
  {
    name: 'P1: a publisher may use its buffer again once publish has resolved',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      const subscription = await bench.subscribe(transport, [topic], witness.receive());
      subscription.pause('until the buffer has changed');
      const body = new Uint8Array([1, 2, 3]);
      await transport.publish(topic, [{ ...messageOf('a'), body }]);
      body.fill(9);
      subscription.resume('until the buffer has changed');
      await bench.eventually(() => assert.deepEqual(witness.acked, ['a']));
      assert.deepEqual([...(witness.sightings[0]?.delivery.message.body ?? [])], [1, 2, 3]);
    },
  },
  {
    name: 'P1: publishes of one partition are stored in the order of the calls, without waiting for one another',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const messages = messagesOf(200, 1);
      await Promise.all(messages.map((message) => transport.publish(topic, [message])));
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
      assert.deepEqual(witness.ids, idsOf(messages));
    },
  },
  {
    name: 'P1: an empty publish resolves',
    run: async (bench) => {
      const transport = await bench.open();
      await transport.publish(await bench.topic(transport), []);
    },
  },
  {
    name: 'P1: a publish to an unknown topic is refused for every message, and makes no topic',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = bench.name('nowhere');
      for (const _ of [1, 2]) {
        const error = await refusal(() => transport.publish(topic, messagesOf(2, 2)));
        assert.deepEqual(codesOf(error), ['unknown_topic', 'unknown_topic']);
        assert.equal(error.retryable, false);
      }
    },
  },
  {
    name: 'P1: a body above the limit is refused by name before anything is sent; the others may be sent again',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const oversized = { ...messageOf('big'), body: new Uint8Array(bench.capabilities.maxBodyBytes + 1) };
      const error = await refusal(() => transport.publish(topic, [messageOf('before'), oversized, messageOf('after')]));
      assert.equal(codesOf(error)[1], 'oversized_body');
      assert.deepEqual(error.outcomes.map(retryableOf), [true, false, true]);
      await transport.publish(topic, [messageOf('marker')]);
      await bench.eventually(() => assert.ok(witness.acked.includes('marker')));
      assert.deepEqual(witness.ids, ['marker']);
    },
  },
  {
    name: 'P1: a body of exactly the limit goes through',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const body = new Uint8Array(bench.capabilities.maxBodyBytes).fill(0xfe);
      await transport.publish(topic, [{ ...messageOf('big'), body }]);
      await bench.eventually(() => assert.deepEqual(witness.acked, ['big']));
      assert.equal(witness.sightings[0]?.delivery.message.body.byteLength, body.byteLength);
    },
  },
  {
    name: 'P1: an id, key or header that cannot be carried is refused by name',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      for (const bad of [
        messageOf('nul\0'),
        messageOf('a', 'nul\0'),
        { ...messageOf('b'), headers: { half: '\ud800' } },
        { ...messageOf('c'), id: '' },
      ]) {
        const error = await refusal(() => transport.publish(topic, [bad]));
        assert.deepEqual(codesOf(error), ['invalid_message']);
      }
    },
  },
  {
    name: 'P1: a publish whose signal has aborted sends nothing',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const signal = AbortSignal.abort(new Error('no longer wanted'));
      const error = await refusal(() => transport.publish(topic, [messageOf('aborted')], { signal }));
      assert.deepEqual(
        error.outcomes.map(({ outcome }) => outcome),
        ['failed'],
      );
      await transport.publish(topic, [messageOf('marker')]);
      await bench.eventually(() => assert.ok(witness.acked.includes('marker')));
      assert.deepEqual(witness.ids, ['marker']);
    },
  },
  {
    name: 'P1: a publish aborted under way ends, and its outcomes are true',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const aborter = new AbortController();
      const messages = messagesOf(300, 7);
      const published = transport.publish(topic, messages, { signal: aborter.signal });
      aborter.abort(new Error('no longer wanted'));
      await checkTold({ bench, transport, topic, witness }, await toldOf(published, messages));
    },
  },
  {
    name: 'P1: what was published behind a message that failed does not overtake it',
    pointless: ({ capabilities }) =>
      capabilities.failsSuffix ? undefined : 'it declares that a failure fails only its own message',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport, { partitions: 1 });
      const witness = createWitness();
      await bench.subscribe(transport, [topic], witness.receive());
      const aborter = new AbortController();
      const messages = messagesOf(30, 1);
      const published = messages.map((message, index) =>
        toldOf(transport.publish(topic, [message], index === 10 ? { signal: aborter.signal } : {}), [message]),
      );
      aborter.abort(new Error('no longer wanted'));
      const told = (await Promise.all(published)).flat();
      const first = told.findIndex(({ outcome }) => outcome.outcome === 'failed');
      const again = first < 0 ? [] : messages.slice(first);
      for (const { id, outcome } of told.slice(first < 0 ? told.length : first)) {
        assert.notEqual(outcome.outcome, 'ok', `'${id}' was stored although '${told[first]?.id}' before it failed`);
      }
      await transport.publish(topic, again);
      await bench.eventually(() => assert.equal(witness.acked.length, messages.length));
      assert.deepEqual([...new Set(witness.ids)], idsOf(messages));
    },
  },
  {
    name: 'P1: a closed transport refuses to publish and to subscribe, by name',
    run: async (bench) => {
      const transport = await bench.open();
      const topic = await bench.topic(transport);
      await transport.close();
      const error = await refusal(() => transport.publish(topic, [messageOf('late')]));
      assert.deepEqual(codesOf(error), ['closed']);
      const subscribed = transport.subscribe([topic], createWitness().receive(), { group: 'late', from: 'latest' });
      await assert.rejects(subscribed, (reason) => isHoldfastError(reason, 'closed'));
    },
  },
];

const oddMessages: readonly Message[] = [
  { ...messageOf('empty', 'k'), body: new Uint8Array(0) },
  { ...messageOf('binary', 'k'), body: Uint8Array.from({ length: 256 }, (_, byte) => byte) },
  { ...messageOf('unicode', 'ключ 🔑'), body: new TextEncoder().encode('{"text":"żółw 🐢 \u0000"}') },
  { ...messageOf('no key'), headers: {} },
  { ...messageOf('empty key', ''), headers: { empty: '' } },
  {
    ...messageOf('it\'s; drop table messages -- \\ "quoted" \n\t ', 'a\nb'),
    headers: { 'X-Mixed-Case': 'ÄÖÜ', constructor: 'x', 'with space': 'line\nbreak' },
  },
];

const idsOf = (messages: readonly Message[]): string[] => messages.map(({ id }) => id);

const codesOf = (error: PublishError): readonly (string | undefined)[] =>
  error.outcomes.map((one) => (one.outcome !== 'ok' && isHoldfastError(one.error) ? one.error.code : undefined));

const retryableOf = (one: PublishError['outcomes'][number]): boolean | undefined =>
  one.outcome !== 'ok' && isHoldfastError(one.error) ? one.error.retryable : undefined;
