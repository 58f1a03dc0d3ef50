import assert from 'node:assert/strict';
import { ack } from '@holdfast/core';
import { eventually } from '../../harness/index.ts';
import { messageOf, messagesOf, openTestLog, type TestLog } from './test-log.ts';

const hourMs = 3_600_000;

describe('retention of the log', () => {
  let log: TestLog;
  beforeEach(async () => {
    log = await openTestLog();
  });
  afterEach(() => log.close());

  const roll = async (ageMs = 0, most = 32): Promise<number | null> => {
    const [row] = await log.rows('select holdfast.log_roll($1, $2) as segment', [ageMs, most]);
    return row?.segment === null ? null : Number(row?.segment);
  };
  const drop = async (keepMs = 0, holdMs: number | null = null): Promise<[string, number, number | null]> => {
    const [row] = await log.rows('select * from holdfast.log_drop($1, $2)', [keepMs, holdMs]);
    return [String(row?.outcome), Number(row?.segment), row?.messages === null ? null : Number(row?.messages)];
  };
  /** A drop that has to wait for a lock; it waits for 100 ms at most, so on a slow machine it may end as busy. */
  const dropWaiting = (): { readonly waits: Promise<void>; readonly done: ReturnType<typeof drop> } => {
    let ended = false;
    const done = drop().finally(() => {
      ended = true;
    });
    const waits = eventually(
      async () => {
        const waiting = await log.rows(
          "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        );
        assert.ok(ended || waiting.length > 0);
      },
      { everyMs: 1 },
    );
    return { waits, done };
  };
  const segments = async (): Promise<number[]> =>
    (await log.rows('select segment from holdfast.log_segments order by 1')).map((row) => Number(row.segment));
  const stored = async (): Promise<number> =>
    Number((await log.rows('select count(*) as count from holdfast.log'))[0]?.count);

  it('P2: drops a segment only when every group has settled it, and says for how many messages it is held', async () => {
    const transport = log.open();
    await transport.topology.apply({
      topics: { t: { partitions: 2, groups: { slow: 'earliest', fast: 'earliest' } } },
    });
    await transport.publish('t', messagesOf(50, 8));
    assert.equal(await roll(), 2);
    await transport.publish('t', messagesOf(30, 8, 'later'));
    assert.deepEqual(await drop(), ['held', 1, 100]);
    const read = async (group: string): Promise<string[]> => {
      const ids: string[] = [];
      const subscription = await transport.subscribe(
        ['t'],
        async ({ message }) => {
          ids.push(message.id);
          return ack;
        },
        { group, from: 'earliest' },
      );
      await eventually(() => assert.equal(ids.length, 80));
      await subscription.close();
      return ids;
    };
    await read('fast');
    assert.deepEqual(await drop(), ['held', 1, 50]);
    await read('slow');
    assert.deepEqual(await drop(), ['dropped', 1, 0]);
    assert.deepEqual(await segments(), [2]);
    assert.equal(await stored(), 30);
  });

  it('P3: positions go on where they were although everything before has been dropped', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    await transport.publish('t', messagesOf(10, 2));
    await roll();
    assert.equal((await drop())[0], 'dropped');
    assert.equal(await stored(), 0);
    const positions: string[] = [];
    const subscription = await transport.subscribe(
      ['t'],
      async ({ position }) => {
        positions.push(position);
        return ack;
      },
      { group: 'new', from: 'earliest' },
    );
    assert.deepEqual((await transport.topology.describe('t')).groups, [{ group: 'new', lag: 0 }]);
    await transport.publish('t', [messageOf('next')]);
    await eventually(() => assert.deepEqual(positions, ['11']));
    await subscription.close();
  });

  it('reads on from segment to segment while they are started, and a late group reads all that are kept', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 3 } } });
    const seen = new Map<string, string[]>();
    const read = (group: string): Promise<unknown> =>
      transport.subscribe(
        ['t'],
        async ({ message }) => {
          seen.set(group, [...(seen.get(group) ?? []), message.id]);
          return ack;
        },
        { group, from: 'earliest', maxInFlight: 10, ordering: 'key' },
      );
    await read('early');
    for (let round = 0; round < 6; round++) {
      await transport.publish('t', messagesOf(40, 1, `r${round}-`));
      await roll();
    }
    await read('late');
    const all = Array.from({ length: 6 }, (_, round) => messagesOf(40, 1, `r${round}-`).map(({ id }) => id)).flat();
    await eventually(() => assert.deepEqual([seen.get('early'), seen.get('late')], [all, all]));
  });

  it('does not start a segment before its time, nor while the current one is empty, nor more than allowed', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    assert.equal(await roll(), null);
    await transport.publish('t', [messageOf('a')]);
    assert.equal(await roll(hourMs), null);
    assert.equal(await roll(0, 1), null);
    assert.equal(await roll(), 2);
    assert.equal((await drop(hourMs))[0], 'nothing');
    assert.deepEqual(await segments(), [1, 2]);
  });

  it('P6: drops what a group holds for too long only when told, counts it and logs it', async () => {
    const transport = log.open({ retentionMs: 800, holdForSlowGroupsMs: 0 });
    await transport.topology.apply({ topics: { t: { partitions: 1, groups: { dead: 'earliest' } }, other: {} } });
    await transport.publish('t', messagesOf(20, 4));
    await transport.subscribe(['other'], async () => ack, { group: 'any', from: 'latest' });
    await eventually(() => assert.equal(log.counts.get('holdfast.log.dropped_unsettled'), 20), { timeoutMs: 15_000 });
    assert.ok(log.complaints.some((complaint) => complaint.includes('a group had not settled')));
    assert.equal((await transport.topology.describe('t')).groups[0]?.lag, 0);
    await transport.publish('t', [messageOf('after')]);
    assert.equal((await transport.topology.describe('t')).groups[0]?.lag, 1);
  });

  it('P2: never drops dead letters', async () => {
    const transport = log.open();
    await transport.subscribe(['t'], async () => ({ outcome: 'reject', reason: 'no' }), { group: 'g', from: 'latest' });
    await transport.publish('t', messagesOf(5, 5));
    await eventually(async () => assert.equal((await transport.topology.describe('t')).groups[0]?.lag, 0));
    await roll();
    assert.equal((await drop())[0], 'dropped');
    assert.equal(await stored(), 5);
    const reasons: (string | undefined)[] = [];
    await transport.subscribe(
      ['t.dead'],
      async ({ message }) => {
        reasons.push(message.headers['holdfast-dead-reason']);
        return ack;
      },
      { group: 'undertaker', from: 'earliest' },
    );
    await eventually(() => assert.equal(reasons.length, 5));
  });

  it('lets publishers and readers go on while a reader holds the old segment, and gives up soon', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    await transport.publish('t', [messageOf('old')]);
    await roll();
    const client = await log.pool.connect();
    await client.query('begin; select * from holdfast.log');
    const started = performance.now();
    const dropping = drop();
    await transport.publish('t', [messageOf('new')]);
    const waitedMs = performance.now() - started;
    assert.equal((await dropping)[0], 'busy');
    assert.ok(waitedMs < 1_000, `publish waited ${waitedMs} ms`);
    await client.query('commit');
    client.release();
    assert.equal((await drop())[0], 'dropped');
  });

  it('P2: a seek back and a drop do not miss each other', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'earliest' } } } });
    await transport.publish('t', messagesOf(10, 2));
    await transport.topology.seek('t', 'g', 'latest');
    await roll();
    const client = await log.pool.connect();
    await client.query('begin');
    await client.query('select * from holdfast.log_partitions for share');
    await client.query('update holdfast.log_positions set settled_to = 0');
    // As the seek under way is: it has its locks and is not committed.
    assert.equal((await drop())[0], 'busy');
    await client.query('commit');
    client.release();
    assert.deepEqual(await drop(), ['held', 1, 10]);
  });

  it('P2: a publish that began in the old segment and a drop do not miss each other', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 1, groups: { g: 'earliest' } } } });
    await transport.publish('t', messagesOf(10, 2));
    await transport.topology.seek('t', 'g', 'latest');
    const [topic] = await log.rows("select id from holdfast.log_topics where name = 't'");
    const client = await log.pool.connect();
    await client.query('begin');
    const late = [{ at: 1, nth: 1, id: 'late', type: 't', headers: '{}', body: '', encoding: 'utf8' }];
    await client.query('select holdfast.log_append($1, $2, $3)', [[topic?.id], [0], JSON.stringify(late)]);
    await roll();
    const dropping = dropWaiting();
    await dropping.waits;
    await client.query('commit');
    client.release();
    assert.notEqual((await dropping.done)[0], 'dropped');
    assert.deepEqual(await drop(), ['held', 1, 1]);
  });

  it('P2: a new group and a drop do not miss each other', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 1 } } });
    await transport.publish('t', messagesOf(10, 2));
    await roll();
    const client = await log.pool.connect();
    await client.query('begin');
    // As a group in the making: its positions are read and not committed.
    await client.query('select * from holdfast.log_partitions for share');
    await client.query(
      `insert into holdfast.log_positions select topic_id, 'g', partition, dropped_to from holdfast.log_partitions`,
    );
    const dropping = dropWaiting();
    await dropping.waits;
    await client.query('commit');
    client.release();
    assert.notEqual((await dropping.done)[0], 'dropped');
    assert.deepEqual(await drop(), ['held', 1, 10]);
  });

  it('P2, P6: keeps the log as long as the process that wants it longest, and says so', async () => {
    const careful = log.open({ retentionMs: hourMs });
    await careful.topology.apply({ topics: { t: { partitions: 1 } } });
    await careful.publish('t', messagesOf(10, 2));
    await careful.subscribe(['t'], async () => ack, { group: 'g', from: 'earliest' });
    await eventually(async () => assert.equal((await log.rows('select from holdfast.log_keepers')).length, 1));
    await roll();
    const hasty = log.open({ retentionMs: 0, holdForSlowGroupsMs: 0 });
    await hasty.subscribe(['t'], async () => ack, { group: 'h', from: 'latest' });
    await eventually(() =>
      assert.ok(log.complaints.some((text) => text.startsWith('other processes keep the log longer'))),
    );
    assert.equal(await stored(), 10);
    await log.rows(`update holdfast.log_keepers set seen_at = seen_at - interval '2 days'`);
    const [row] = await log.rows('select * from holdfast.log_keep(5, null)');
    assert.deepEqual(row, { kept_ms: '5', held_ms: null });
  });

  it('P6: names the group that holds the log and its topic, and lets it be removed', async () => {
    const transport = log.open();
    const groups = { gone: 'earliest', runs: 'latest' } as const;
    await transport.topology.apply({ topics: { t: { partitions: 1, groups } } });
    await transport.publish('t', messagesOf(10, 2));
    const subscription = await transport.subscribe(['t'], async () => ack, { group: 'runs', from: 'latest' });
    await eventually(async () =>
      assert.equal((await log.rows('select from holdfast.log_positions where settled_to = 10')).length, 1),
    );
    await roll();
    const [held] = await log.rows('select outcome, holder, held_topic from holdfast.log_drop(0, null)');
    assert.deepEqual(held, { outcome: 'held', holder: 'gone', held_topic: 't' });
    await assert.rejects(log.rows("select holdfast.log_remove_group('t', 'runs')"), /running subscriptions/);
    await subscription.close();
    assert.deepEqual(await log.rows("select holdfast.log_remove_group('t', 'gone') as removed"), [{ removed: true }]);
    assert.deepEqual(await drop(), ['dropped', 1, 0]);
  });

  it('several processes may keep the log at once', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { t: { partitions: 4 } } });
    let publishing = true;
    const publish = async (): Promise<void> => {
      for (let n = 0; n < 40; n++) await transport.publish('t', messagesOf(20, 7, `n${n}-`));
      publishing = false;
    };
    const keep = async (): Promise<void> => {
      while (publishing) {
        await roll();
        await drop(hourMs);
      }
    };
    await Promise.all([publish(), keep(), keep(), keep()]);
    const rows = await log.rows(
      'select partition, count(*)::integer as count, max(position)::integer as last from holdfast.log group by 1',
    );
    for (const { count, last } of rows) assert.equal(count, last);
    assert.ok((await segments()).length > 2);
  });
});
