import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { messagesOf, openTestLog, type TestLog } from './test-log.ts';

describe('the log', () => {
  let log: TestLog;
  before(async () => {
    log = await openTestLog();
  });
  after(() => log.close());

  const topicId = async (name: string): Promise<number> => {
    await log.open().topology.apply({ topics: { [name]: { partitions: 2 } } });
    const [topic] = await log.rows('select id from holdfast.log_topics where name = $1', [name]);
    return Number(topic?.id);
  };

  /** The positions of each partition of a topic, as one snapshot has them. */
  const positionsOf = async (topic: number): Promise<Map<number, number[]>> => {
    const rows = await log.rows(
      'select partition, array_agg(position::integer order by position) as positions from holdfast.log where topic_id = $1 group by 1',
      [topic],
    );
    return new Map(rows.map((row) => [Number(row.partition), row.positions as number[]]));
  };

  const assertDense = (positions: ReadonlyMap<number, readonly number[]>): void => {
    for (const [partition, found] of positions) {
      assert.deepEqual(
        found,
        found.map((_, index) => index + 1),
        `partition ${partition} has gaps or doubles`,
      );
    }
  };

  it('P1: waits for the disk in a session that would not', async () => {
    const topic = await topicId('durable');
    await withClient(async (client) => {
      await client.query('begin');
      await client.query('set local synchronous_commit = off');
      await append(client, topic, [0, 1], 'm');
      const { rows } = await client.query('show synchronous_commit');
      await client.query('rollback');
      assert.deepEqual(rows, [{ synchronous_commit: 'on' }]);
    });
  });

  it('P3: whoever sees a position sees all smaller ones, whatever publishers hold their transactions or roll back', async () => {
    const topic = await topicId('dense');
    const random = seeded(7);
    const publishing = Promise.all(
      Array.from({ length: 12 }, (_, writer) =>
        withClient(async (client) => {
          for (let n = 0; n < 12; n++) {
            await client.query('begin');
            await append(client, topic, random() < 0.5 ? [0, 1] : [1, 0], `w${writer}-${n}`);
            await sleep(random() * 8);
            await client.query(random() < 0.3 ? 'rollback' : 'commit');
          }
        }),
      ),
    );
    let looks = 0;
    const watching = whileRunning(publishing, async () => {
      assertDense(await positionsOf(topic));
      looks++;
    });
    await Promise.all([publishing, watching]);
    const positions = await positionsOf(topic);
    assertDense(positions);
    assert.ok(looks > 20 && (positions.get(0)?.length ?? 0) > 50, `${looks} looks at ${positions.get(0)?.length}`);
  });

  it('P3: several transports publish at once and positions stay dense', async () => {
    const topic = await topicId('many');
    const transports = [log.open(), log.open(), log.open()];
    await Promise.all(
      transports.flatMap((transport, one) =>
        Array.from({ length: 40 }, (_, n) => transport.publish('many', messagesOf(7, 5, `t${one}-${n}-`))),
      ),
    );
    const positions = await positionsOf(topic);
    assertDense(positions);
    assert.equal([...positions.values()].flat().length, 3 * 40 * 7);
  });

  it('publishers of several topics in opposite order do not deadlock', async () => {
    const [one, two] = [await topicId('one'), await topicId('two')];
    const publish = (first: number, second: number): Promise<void> =>
      withClient(async (client) => {
        for (let n = 0; n < 40; n++) {
          await client.query('select holdfast.log_append($1, $2, $3)', [
            [first, second],
            [0, 0],
            rowsOf(2, `d${first}-${n}`),
          ]);
        }
      });
    await Promise.all([publish(one, two), publish(two, one), publish(one, two), publish(two, one)]);
    assertDense(await positionsOf(one));
  });

  it('refuses to number from an old snapshot, and a partition that is not there', async () => {
    const topic = await topicId('strict');
    await withClient(async (client) => {
      await client.query('begin isolation level repeatable read');
      await assert.rejects(append(client, topic, [0], 'x'), { code: 'HFL01' });
      await client.query('rollback');
      await assert.rejects(append(client, topic, [7], 'x'), { code: 'HFL02' });
      await assert.rejects(append(client, topic + 1_000, [0], 'x'), { code: 'HFL02' });
    });
    assert.equal((await positionsOf(topic)).size, 0);
  });

  const withClient = async (run: (client: PoolClient) => Promise<void>): Promise<void> => {
    const client = await log.pool.connect();
    try {
      await run(client);
    } finally {
      client.release();
    }
  };
});

const append = (client: PoolClient, topic: number, partitions: readonly number[], id: string): Promise<unknown> =>
  client.query('select holdfast.log_append($1, $2, $3)', [
    partitions.map(() => topic),
    partitions,
    rowsOf(partitions.length, id),
  ]);

/** Two messages for each of the partitions. */
const rowsOf = (partitions: number, id: string): string =>
  JSON.stringify(
    Array.from({ length: partitions * 2 }, (_, n) => ({
      at: Math.floor(n / 2) + 1,
      nth: (n % 2) + 1,
      id: `${id}-${n}`,
      type: 't',
      headers: '{}',
      body: '',
      encoding: 'utf8',
    })),
  );

const whileRunning = async (work: Promise<unknown>, look: () => Promise<void>): Promise<void> => {
  let running = true;
  work.then(
    () => (running = false),
    () => (running = false),
  );
  while (running) await look();
};

/** Numbers in [0, 1) that depend on the seed only. */
const seeded = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};
