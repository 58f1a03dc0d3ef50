import assert from 'node:assert/strict';
import { createSequences } from '@holdfast/inbox';
import { openDatabase } from './open-database.ts';

const source = 'orders';

describe('what is parked by two owners of a partition at once', () => {
  it('is stored for the owner that there is, and refused for the one before, though theirs goes first in a statement', async () => {
    const db = await openDatabase();
    try {
      const sequences = createSequences({ database: db.database, group: 'billing', capacity: 100 });
      const before = await sequences.own(source, 0);
      const now = await sequences.own(source, 0, { again: true });
      const parkable = (id: string) => ({
        ...{ lane: 'k', topic: source, position: '1', attempts: 1, failures: [] },
        message: { id, type: 'order.placed', key: 'k', headers: {}, body: Buffer.from('{}') },
      });
      const outcomes = await Promise.all([
        sequences.park(before.claim, parkable('a'), { kind: 'park', delayMs: 60_000 }),
        sequences.park(now.claim, parkable('b'), { kind: 'park', delayMs: 60_000 }),
        sequences.park(now.claim, parkable('c'), { kind: 'append' }),
      ]);
      assert.deepEqual(outcomes, ['fenced', 'stored', 'stored']);
      assert.equal(await db.count('select count(*) from holdfast.inbox_sequences'), 1);
      assert.equal(await db.count('select count(*) from holdfast.inbox_parked'), 2);
    } finally {
      await db.close();
    }
  });
});
