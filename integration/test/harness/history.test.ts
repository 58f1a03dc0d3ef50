import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import {
  checkHistory,
  createEntryTable,
  type EffectLedger,
  effectLedger,
  type FreshDatabase,
  freshDatabase,
  openHistory,
  readEntryTables,
  readHistory,
  recordEntry,
  spawnChild,
} from '../../harness/index.ts';

describe('a history file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-history-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('of several processes is read in the order in which things happened', () => {
    const [one, two] = [openHistory(join(folder, '1'), 'one'), openHistory(join(folder, '2'), 'two')];
    one.record({ f: 'publish', type: 'ok', id: 'a' });
    two.record({ f: 'effect', type: 'ok', id: 'a' });
    one.record({ f: 'publish', type: 'ok', id: 'b' });
    for (const history of [one, two]) history.close();
    const entries = readHistory(join(folder, '2'), join(folder, '1'));
    assert.deepEqual(
      entries.map(({ p, f, id }) => [p, f, id]),
      [
        ['one', 'publish', 'a'],
        ['two', 'effect', 'a'],
        ['one', 'publish', 'b'],
      ],
    );
  });

  it('loses nothing that was recorded before a kill', async () => {
    const file = join(folder, 'history');
    const child = spawnChild(new URL('children/records.ts', import.meta.url), [file]);
    await child.saw(({ recorded }) => Number(recorded) >= 3_000);
    await child.close();
    const entries = readHistory(file);
    const lastSaid = Math.max(...child.lines.map(({ recorded }) => Number(recorded)));
    assert.ok(entries.length > lastSaid, `${entries.length} entries, ${lastSaid} said`);
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      entries.map((_, index) => index),
    );
  });
});

describe('an effect ledger', () => {
  let business: FreshDatabase;
  let separate: FreshDatabase;
  let ledger: EffectLedger;
  let client: Client;

  const place = (id: string, seq: number): Promise<void> =>
    recordEntry((text, values) => client.query(text, values), { f: 'publish', type: 'ok', id, key: 'a', seq });

  beforeEach(async () => {
    [business, separate] = await Promise.all([freshDatabase(), freshDatabase()]);
    await createEntryTable(business.url);
    ledger = await effectLedger(separate.url, 'one');
    client = new Client({ connectionString: business.url });
    await client.connect();
  });
  afterEach(async () => {
    await Promise.all([ledger.close(), client.end()]);
    await Promise.all([business.drop(), separate.drop()]);
  });

  it('and committed publications make a good history', async () => {
    await client.query('begin');
    await place('a1', 1);
    await client.query('commit');
    await ledger.effect({ id: 'a1', key: 'a', seq: 1 });
    assert.equal(await ledger.distinctEffects(), 1);
    const history = await readEntryTables(business.url, separate.url);
    assert.deepEqual(
      history.map(({ t: _t, p: _p, ...rest }) => rest),
      [
        { f: 'publish', type: 'ok', id: 'a1', key: 'a', seq: 1 },
        { f: 'effect', type: 'ok', id: 'a1', key: 'a', seq: 1 },
      ],
    );
    assert.deepEqual(checkHistory(history), []);
  });

  it('shows what is lost, what comes twice, what was rolled back and what was overtaken', async () => {
    for (const seq of [1, 2, 3, 4]) await place(`a${seq}`, seq);
    await client.query('begin');
    await place('a5', 5);
    await client.query('rollback');
    for (const seq of [1, 1, 4, 3, 5]) await ledger.effect({ id: `a${seq}`, key: 'a', seq });
    assert.equal(await ledger.distinctEffects(), 4);
    const violations = checkHistory(await readEntryTables(business.url, separate.url));
    assert.deepEqual(
      violations.map(({ invariant, id }) => `${invariant} ${id}`),
      ['V1 a2', 'V2 a1', 'V3 a5', 'V4 a3'],
    );
  });

  it('keeps the epochs of fenced writes', async () => {
    await ledger.record({ f: 'write', type: 'ok', id: 'w1', key: 'shard 1', epoch: '9007199254740993' });
    await ledger.record({ f: 'write', type: 'ok', id: 'w2', key: 'shard 1', epoch: '9007199254740992' });
    const violations = checkHistory(await readEntryTables(separate.url));
    assert.deepEqual(
      violations.map(({ invariant, id }) => [invariant, id]),
      [['V9', 'w2']],
    );
  });

  it('can be opened by many at once', async () => {
    const database = await freshDatabase();
    const ledgers = await Promise.all(Array.from({ length: 8 }, () => effectLedger(database.url)));
    await Promise.all(ledgers.map((one) => one.effect({ id: 'same' })));
    assert.equal((await readEntryTables(database.url)).length, 8);
    await Promise.all(ledgers.map((one) => one.close()));
    await database.drop();
  });
});
