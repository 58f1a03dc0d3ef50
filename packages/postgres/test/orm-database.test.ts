import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError } from '@holdfast/core';
import { createNotifier } from '../src/create-notifier.ts';
import { ormDatabase } from '../src/orm-database.ts';

const never = (): Promise<never> => new Promise(() => {});

const silentDatabase = () => {
  const clock = createVirtualClock();
  const parts = { begin: never, seal: (tx: object) => tx, query: never, execute: never, listen: undefined };
  return { clock, database: ormDatabase(parts, { runtime: { clock } }) };
};

describe('a database that answers nothing', () => {
  it('lets a single statement end all the same', async () => {
    const { clock, database } = silentDatabase();
    const ended = assert.rejects(database.execute('select', []), (error) => isHoldfastError(error, 'database_timeout'));
    await clock.advance(30_000);
    await ended;
  });

  it('does not hold up the end of a notifier beyond its deadline', async () => {
    const { clock, database } = silentDatabase();
    const notifier = createNotifier(database, 'channel', { runtime: { clock } });
    notifier.wake();
    await clock.advance(0);
    const closed = notifier.close({ deadlineMs: 500 });
    await clock.advance(500);
    await closed;
  });
});
