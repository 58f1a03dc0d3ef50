import assert from 'node:assert/strict';
import type { ProducerId } from '../src/driver.ts';
import type { Outgoing } from '../src/outgoing.ts';
import { createPartitionQueue, type PartitionQueue } from '../src/partition-queue.ts';
import { createProducerNumbers } from '../src/producer-numbers.ts';

const queueOf = (partition: number): PartitionQueue => createPartitionQueue(`orders/${partition}`, 'orders', partition);

const counting = (): (() => Promise<ProducerId>) => {
  let id = 0;
  return async () => ({ id: ++id, epoch: 0 });
};

describe('the numbers of a producer', () => {
  it('begin again at zero after 2^31 records', async () => {
    const numbers = createProducerNumbers(counting());
    const queue = queueOf(0);
    await numbers.number(queue);
    queue.sequence = 2 ** 31 - 2;
    queue.batch = new Array<Outgoing>(3);
    numbers.advance(queue);
    assert.equal(queue.sequence, 1);
  });

  it('are of one producer for all partitions, and of another, again one for all, for those that forget it', async () => {
    const numbers = createProducerNumbers(counting());
    const queues = [queueOf(0), queueOf(1), queueOf(2)];
    const ids = (): unknown[] => queues.map(({ producer }) => producer?.id);
    await Promise.all(queues.map(numbers.number));
    assert.deepEqual(ids(), [1, 1, 1]);
    for (const queue of queues.slice(0, 2)) {
      numbers.forget(queue);
      queue.sequence = 7;
      await numbers.number(queue);
      assert.equal(queue.sequence, 0);
    }
    assert.deepEqual(ids(), [2, 2, 1]);
  });

  it('are never again those of a producer that was forgotten', async () => {
    const numbers = createProducerNumbers(counting());
    const [one, other] = [queueOf(0), queueOf(1)];
    for (let round = 1; round <= 3; round++) {
      await numbers.number(one);
      assert.equal(one.producer?.id, round);
      numbers.forget(one);
    }
    await numbers.number(other);
    assert.equal(other.producer?.id, 4);
  });

  it('are asked for again after a failure', async () => {
    let asked = 0;
    const numbers = createProducerNumbers(async () => {
      if (++asked === 1) throw new Error('not now');
      return { id: asked, epoch: 0 };
    });
    const queue = queueOf(0);
    await assert.rejects(numbers.number(queue), /not now/);
    await numbers.number(queue);
    assert.equal(queue.producer?.id, 2);
  });
});
