import assert from 'node:assert/strict';
import { type Message, PublishError } from '@holdfast/core';
import { partitionOf } from '@holdfast/flow';
import { pgDatabase } from '@holdfast/postgres';
import { postgresTransport } from '@holdfast/transport-postgres';
import { type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { messageOf, messagesOf, openTestLog, type TestLog } from './test-log.ts';

describe('publishing to the log', () => {
  let log: TestLog;
  let proxy: TcpProxy;
  before(async () => {
    log = await openTestLog();
    proxy = await tcpProxy({ targetPort: Number(new URL(log.url).port) });
  });
  after(async () => {
    await log.close();
    await proxy.close();
  });
  afterEach(() => proxy.heal());

  const stored = async (topic: string): Promise<string[]> => {
    const rows = await log.rows(
      'select l.id from holdfast.log l join holdfast.log_topics t on t.id = l.topic_id where t.name = $1 order by partition, position',
      [topic],
    );
    return rows.map((row) => String(row.id));
  };

  it('calls that come while one is on its way share a statement, in their order', async () => {
    let statements = 0;
    const database = pgDatabase(log.pool);
    const transport = postgresTransport({
      database: {
        ...database,
        execute: (text, values, options) => {
          if (text.includes('log_append')) statements++;
          return database.execute(text, values, options);
        },
      },
    });
    await transport.topology.apply({ topics: { shared: { partitions: 1 } } });
    const messages = messagesOf(400, 3);
    await Promise.all(messages.map((message) => transport.publish('shared', [message])));
    await transport.close();
    assert.deepEqual(
      await stored('shared'),
      messages.map(({ id }) => id),
    );
    assert.ok(statements < 20, `${statements} statements`);
  });

  it('one call of more than a statement takes is stored whole and in order', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { large: { partitions: 1 } } });
    const messages = messagesOf(2_500, 9);
    await transport.publish('large', messages);
    assert.deepEqual(
      await stored('large'),
      messages.map(({ id }) => id),
    );
  });

  it('P8: a call that Postgres refuses fails alone in its shared statement, and those behind it in its partition', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { refusing: { partitions: 4 } } });
    await log.rows(`create function refuse() returns trigger language plpgsql as
      $$ begin if new.id = 'bad' then raise exception 'refused by a trigger'; end if; return new; end $$`);
    await log.rows('create trigger refuse before insert on holdfast.log for each row execute function refuse()');
    try {
      assert.notEqual(partitionOf('a', 4), partitionOf(elsewhere, 4));
      const calls = ['a1', 'b1', 'bad', 'a2', 'b2', 'a3'];
      const told = await Promise.all(calls.map((id) => outcomeOf(transport.publish('refusing', [keyed(id)]))));
      assert.deepEqual(told, ['ok', 'ok', 'failed', 'failed: earlier_failed', 'ok', 'failed: earlier_failed']);
      assert.deepEqual((await stored('refusing')).sort(), ['a1', 'b1', 'b2']);
      await transport.publish('refusing', [keyed('a2'), keyed('a3')]);
      assert.deepEqual((await stored('refusing')).sort(), ['a1', 'a2', 'a3', 'b1', 'b2']);
    } finally {
      await log.rows('drop trigger refuse on holdfast.log');
    }
  });

  it('P1: where the reply is lost the outcome is unknown, whether it happened or not', async () => {
    const transport = log.open({}, proxy.through(log.url));
    await transport.topology.apply({ topics: { lossy: { partitions: 1 } } });
    await transport.publish('lossy', [messageOf('first')]);
    proxy.inject({ fault: 'drop-reply', after: 'log_append' });
    const told = await Promise.all(
      ['second', 'third'].map((id) => outcomeOf(transport.publish('lossy', [messageOf(id)]))),
    );
    assert.deepEqual(told, ['unknown', 'unknown']);
    assert.equal(proxy.counts.cuts, 1);
    assert.deepEqual(await stored('lossy'), ['first', 'second', 'third']);
  });

  it('P1: where there was no connection nothing was sent, and it says so', async () => {
    const transport = log.open({}, 'postgres://postgres@127.0.0.1:1/nowhere');
    assert.equal(await outcomeOf(transport.publish('lossy', [messageOf('never')])), 'failed: ECONNREFUSED');
  });

  it('finds a topic that another process has just made', async () => {
    const [one, two] = [log.open(), log.open()];
    await assert.rejects(one.publish('young', [messageOf('x')]), PublishError);
    await two.topology.apply({ topics: { young: { partitions: 1 } } });
    await one.publish('young', [messageOf('x')]);
    assert.deepEqual(await stored('young'), ['x']);
  });

  it('declares its topics at the first use, and refuses to publish where one is stored otherwise', async () => {
    await log.open({ topics: { declared: { partitions: 3 } } }).publish('declared', [messageOf('x')]);
    const other = log.open({ topics: { declared: { partitions: 4 } } });
    assert.equal(await outcomeOf(other.publish('declared', [messageOf('y')])), 'failed: topology_mismatch');
    assert.deepEqual(await stored('declared'), ['x']);
  });

  it('publishes from many databases at once without waiting for a long transaction elsewhere', async () => {
    const transport = log.open();
    await transport.topology.apply({ topics: { busy: { partitions: 2 } } });
    const client = await log.pool.connect();
    await client.query('begin; create table long_write (x int); insert into long_write values (1)');
    await transport.publish('busy', messagesOf(100, 10));
    await client.query('rollback');
    client.release();
    assert.equal((await stored('busy')).length, 100);
  });
});

/** A key in another one of four partitions than 'a'. */
const elsewhere = 'e';
const keyed = (id: string): Message => messageOf(id, /^b\d/.test(id) ? elsewhere : 'a');

const outcomeOf = async (published: Promise<void>): Promise<string> => {
  try {
    await published;
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof PublishError, String(error));
    const [first] = error.outcomes;
    if (first === undefined || first.outcome === 'ok') return assert.fail('a PublishError without a failure');
    const { error: cause } = first;
    const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
    return first.outcome === 'unknown' || code === 'P0001' ? first.outcome : `${first.outcome}: ${code}`;
  }
};
