import assert from 'node:assert/strict';
import { ack, type Receive } from '@holdfast/core';
import { eventually } from '../../harness/index.ts';
import { messageOf, openTestRabbit, type TestRabbit } from './test-rabbit.ts';

describe('a message that is held up on RabbitMQ', function () {
  // The first to need it starts the broker.
  this.timeout(60_000);
  let rabbit: TestRabbit;
  before(async () => {
    rabbit = await openTestRabbit();
  });
  after(() => rabbit.close());

  it('P8: lets `maxInFlight` of its partition pass, more than the broker hands over without an ack', async () => {
    const topic = rabbit.name('topic');
    const transport = rabbit.open();
    await transport.topology.apply({ topics: { [topic]: { partitions: 4, groups: { g: 'latest' } } } });
    const passed = new Set<string>();
    const receive: Receive = async ({ message: { id } }) => {
      if (id === 'held') return { outcome: 'retry', delayMs: 600_000, spent: true };
      passed.add(id);
      return ack;
    };
    await transport.publish(topic, [messageOf('held', 'k')]);
    const raw = await rabbit.raw();
    const { partition } = await findPartition(rabbit, topic);
    for (let n = 0; n < 60; n++) {
      raw.publish(topic, partition, Buffer.from('{}'), { messageId: `m${n}`, type: 't', persistent: true });
    }
    await raw.waitForConfirms();
    // A quarter of it is the credit of each of the four partitions.
    await transport.subscribe([topic], receive, { group: 'g', from: 'latest', maxInFlight: 40 });
    await eventually(() => assert.equal(passed.size, 39));
  });
});

/** Where the one message of the topic lies. */
const findPartition = async (rabbit: TestRabbit, topic: string): Promise<{ readonly partition: string }> => {
  const raw = await rabbit.raw();
  for (const partition of ['0', '1', '2', '3']) {
    if ((await raw.checkQueue(`${topic}/g/${partition}`)).messageCount === 1) return { partition };
  }
  return assert.fail('the message is nowhere');
};
