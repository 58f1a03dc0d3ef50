import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ack, createRuntime, type Receive } from '@holdfast/core';
import type { Adoption } from '@holdfast/transport-rabbitmq';
import type { Options } from 'amqplib';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, quiet, type TestRabbit } from './test-rabbit.ts';
import { watchedConnect } from './watched-connect.ts';

const ready = { live: true, ready: true, reasons: [] };
const quorum = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 };
const ours = { durable: true, arguments: { ...quorum, 'x-single-active-consumer': true } };

/**
 * RabbitMQ 3.10 tells a consumer nothing of a queue that is declared again in the moment of its deletion, and gives it nothing
 * of the new one.
 */
describe('a RabbitMQ queue that is deleted beneath its consumer and declared again in the same moment', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  after(() => rabbit.close());

  /** Deletes it while others declare it without a pause, and bind it as it was. */
  const replace = async (queue: string, options: Options.AssertQueue, exchange?: string): Promise<void> => {
    const [deleting, declaring] = [await rabbit.raw(), await rabbit.raw()];
    let deleted = false;
    const declare = async (): Promise<void> => {
      while (!deleted) await declaring.assertQueue(queue, options);
    };
    const declared = declare();
    await deleting.deleteQueue(queue);
    deleted = true;
    await declared;
    await declaring.assertQueue(queue, options);
    if (exchange !== undefined) await declaring.bindQueue(queue, exchange, queue.slice(queue.lastIndexOf('/') + 1));
  };

  const collect = (): { readonly came: string[]; readonly receive: Receive } => {
    const came: string[] = [];
    return {
      came,
      receive: async ({ message: { id } }) => {
        came.push(id);
        return ack;
      },
    };
  };

  it('P2, P6: is consumed anew, with an error in the log, and gives what was published to it since', async () => {
    const topic = rabbit.name('topic');
    const errors: string[] = [];
    const log = { ...createRuntime(quiet).log, error: (fields: object) => errors.push(codeIn(fields)) };
    const transport = rabbit.open({ runtime: { log } });
    await transport.topology.apply({ topics: { [topic]: { partitions: 2, groups: { g: 'latest' } } } });
    const { came, receive } = collect();
    const subscription = await transport.subscribe([topic], receive, { group: 'g', from: 'latest' });
    await eventually(() => assert.deepEqual(subscription.health(), ready));
    await Promise.all(['0', '1'].map((partition) => replace(`${topic}/g/${partition}`, ours, topic)));
    const ids = Array.from({ length: 40 }, (_, n) => `m${n}`);
    await transport.publish(
      topic,
      ids.map((id) => messageOf(id)),
    );
    await eventually(() => assert.deepEqual([...came].sort(), [...ids].sort()));
    await eventually(() => assert.deepEqual(subscription.health(), ready));
    assert.equal(subscription.assignments.length, 2);
    // A broker that says so has its consumer end before that.
    if (errors.length > 0) assert.deepEqual(new Set(errors), new Set(['queue_replaced']));
  });

  it('costs an idle subscription a question every four looks at its share, whatever it owns', async () => {
    const topic = rabbit.name('topic');
    let asked = 0;
    const connect = watchedConnect(rabbit.url, (channel) => {
      const checkExchange = channel.checkExchange.bind(channel);
      channel.checkExchange = (name) => {
        asked++;
        return checkExchange(name);
      };
    });
    const transport = rabbit.open({ connect });
    await transport.topology.apply({ topics: { [topic]: { partitions: 8, groups: { g: 'latest' } } } });
    const subscription = await transport.subscribe([topic], async () => ack, { group: 'g', from: 'latest' });
    await eventually(() => assert.equal(subscription.assignments.length, 8));
    asked = 0;
    await sleep(4_000);
    assert.ok(asked >= 2 && asked <= 10, `${asked} in the time of ten`);
  });

  const adopting = (adoption: Adoption & { readonly queue: string }, receive: Receive, maxInFlight: number) => {
    const transport = rabbit.open({ balanceMs: 20, topics: { theirs: { adopt: adoption } } });
    const ordering = adoption.singleActiveConsumer === true ? 'key' : 'none';
    return transport.subscribe(['theirs'], receive, { group: 'g', from: 'latest', ordering, maxInFlight });
  };

  for (const [kind, options, count] of [
    ['classic queue', { durable: true }, 3],
    ['quorum queue, with more waiting than its credit', { durable: true, arguments: quorum }, 40],
    ['quorum queue, with less waiting than its credit', { durable: true, arguments: quorum }, 3],
    ['quorum queue with a single active consumer', ours, 3],
  ] as const) {
    it(`P2, P6: is consumed anew where it is adopted: a ${kind}`, async () => {
      const [queue, deadTopic] = [rabbit.name('theirs'), rabbit.name('dead')];
      const raw = await rabbit.raw();
      await raw.assertQueue(queue, options);
      const { came, receive } = collect();
      const adoption = { queue, deadTopic, singleActiveConsumer: options === ours };
      const subscription = await adopting(adoption, receive, 10);
      await eventually(() => assert.deepEqual(subscription.health(), ready));
      await replace(queue, options);
      const ids = Array.from({ length: count }, (_, n) => `m${n}`);
      for (const messageId of ids) raw.sendToQueue(queue, Buffer.from('{}'), { messageId, persistent: true });
      await eventually(() => assert.deepEqual([...came].sort(), [...ids].sort()), { timeoutMs: 30_000 });
      await eventually(() => assert.deepEqual(subscription.health(), ready));
    });
  }

  it('P3: leaves alone a consumer that waits beside a single active one, and one that is paused with its credit full', async () => {
    const [queue, deadTopic] = [rabbit.name('theirs'), rabbit.name('dead')];
    const raw = await rabbit.raw();
    await raw.assertQueue(queue, ours);
    const gate = Promise.withResolvers<void>();
    const came: string[] = [];
    const slow: Receive = async ({ message: { id } }) => {
      came.push(id);
      await gate.promise;
      return ack;
    };
    const adoption = { queue, deadTopic, singleActiveConsumer: true };
    const active = await adopting(adoption, slow, 5);
    await eventually(() => assert.deepEqual(active.health(), ready));
    const waits = await adopting(adoption, slow, 5);
    await eventually(() => assert.deepEqual(waits.health(), ready));
    const before = [active.assignments, waits.assignments];
    active.pause('test');
    for (let n = 0; n < 20; n++) raw.sendToQueue(queue, Buffer.from('{}'), { messageId: `m${n}`, persistent: true });
    await raw.waitForConfirms();
    await sleep(2_500);
    active.resume('test');
    await eventually(() => assert.equal(came.length, 5));
    await sleep(1_000);
    assert.deepEqual([active.assignments, waits.assignments], before);
    gate.resolve();
    await eventually(() => assert.equal(new Set(came).size, 20));
    assert.equal(came.length, 20);
  });
});

const codeIn = (fields: object): string =>
  'error' in fields && typeof fields.error === 'object' && fields.error !== null && 'code' in fields.error
    ? String(fields.error.code)
    : '';
