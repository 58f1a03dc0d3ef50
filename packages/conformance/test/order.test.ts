import assert from 'node:assert/strict';
import { type HandOver, orderFaults } from '../src/order.ts';

const published = [
  { id: 'a1', key: 'a' },
  { id: 'b1', key: 'b' },
  { id: 'a2', key: 'a' },
  { id: 'a3', key: 'a' },
  { id: 'free' },
];

const keyOf = (id: string): string | undefined => published.find((message) => message.id === id)?.key;

const ran = (id: string, startedAt: number, endedAt: number): HandOver => ({
  id,
  key: keyOf(id),
  startedAt,
  ended: { at: endedAt, settled: true },
});
const retried = (id: string, startedAt: number, endedAt: number): HandOver => ({
  ...ran(id, startedAt, endedAt),
  ended: { at: endedAt, settled: false },
});
const abandoned = (id: string, startedAt: number): HandOver => ({ ...ran(id, startedAt, 0), ended: undefined });

describe('orderFaults', () => {
  it('finds nothing in a history where keys run beside one another, each in order', () => {
    const history = [ran('a1', 1, 4), ran('b1', 2, 9), ran('free', 3, 8), ran('a2', 5, 6), ran('a3', 7, 10)];
    assert.deepEqual(orderFaults(published, history), []);
  });

  it('finds nothing in retries and copies that come later', () => {
    const history = [
      retried('a1', 1, 2),
      ran('a1', 3, 4),
      ran('a2', 5, 6),
      ran('a1', 7, 8),
      ran('a2', 9, 10),
      ran('a3', 11, 12),
    ];
    assert.deepEqual(orderFaults(published, history), []);
  });

  it('finds nothing when an abandoned message is delivered again before its successor', () => {
    assert.deepEqual(
      orderFaults(published, [abandoned('a1', 1), ran('a1', 2, 3), ran('a2', 4, 5), ran('a3', 6, 7)]),
      [],
    );
  });

  it('finds a message that came before an earlier one of its key', () => {
    assert.equal(orderFaults(published, [ran('a2', 1, 2), ran('a1', 3, 4), ran('a3', 5, 6)]).length, 1);
  });

  it('finds a message that started while an earlier one of its key ran', () => {
    assert.equal(orderFaults(published, [ran('a1', 1, 4), ran('a2', 3, 5), ran('a3', 6, 7)]).length, 1);
  });

  it('finds a message that overtook the retry of an earlier one', () => {
    assert.equal(
      orderFaults(published, [retried('a1', 1, 2), ran('a2', 3, 4), ran('a1', 5, 6), ran('a3', 7, 8)]).length,
      1,
    );
  });

  it('finds a message that overtook an abandoned one', () => {
    assert.equal(
      orderFaults(published, [abandoned('a1', 1), ran('a2', 2, 3), ran('a1', 4, 5), ran('a3', 6, 7)]).length,
      1,
    );
  });

  it('finds a message that came although one before it never did', () => {
    const faults = orderFaults(published, [ran('a1', 1, 2), ran('a3', 3, 4)]);
    assert.match(faults.join(), /'a3' came, 'a2' before it never did/);
  });
});
