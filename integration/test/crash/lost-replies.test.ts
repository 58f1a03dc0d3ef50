import assert from 'node:assert/strict';
import { eventually, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { OrderPlaced } from './contracts.ts';
import type { CrashWorld } from './crash-world.ts';
import { copiesIn } from './log-copies.ts';
import { scenario } from './scenario.ts';

const rounds = 3;
const repliesPerRound = 2;

const withProxy = async (world: CrashWorld, run: (proxy: TcpProxy) => Promise<void>): Promise<void> => {
  const proxy = await tcpProxy({ targetPort: Number(new URL(world.url).port), random: world.random });
  try {
    await run(proxy);
  } finally {
    await proxy.close();
  }
};

/** Now and then, what has `after` in it arrives and happens, and the answer is lost with the connection. */
const loseReplies = async (world: CrashWorld, proxy: TcpProxy, after: string): Promise<void> => {
  for (let round = 0; round < rounds; round++) {
    await world.goesOn(60);
    const { cuts, droppedDown } = proxy.counts;
    proxy.inject({ fault: 'drop-reply', after, times: repliesPerRound });
    await eventually(() => assert.equal(proxy.counts.cuts, cuts + repliesPerRound));
    assert.ok(proxy.counts.droppedDown > droppedDown);
    await world.fault(`${repliesPerRound} replies to ${after} were lost`);
  }
  await world.goesOn(60);
};

describe('a lost reply', () => {
  scenario('P2, P4: to the COMMIT of a shop, whose message is sent with the order that it does not know of', (world) =>
    withProxy(world, async (proxy) => {
      await Promise.all([world.start('relay'), world.start('consumer')]);
      const shop = await world.start('shop', { url: proxy.through(world.url) });
      await loseReplies(world, proxy, 'commit');
      await world.finish({ faults: rounds });
      const { unknown } = await shop.closed();
      // Two connections that end at the same moment may take one transaction with them that had not come to its commit.
      assert.ok(Array.isArray(unknown) && unknown.length >= rounds, `unknown are ${unknown}`);
      const effects = "select count(*) from harness_entries where f = 'effect' and id = any ($1::text[])";
      assert.equal(await world.count(effects, `{${unknown.map((id) => `"${id}"`)}}`), unknown.length);
    }),
  );

  scenario('P4: to the COMMIT of an effect, which is not done again', (world) =>
    withProxy(world, async (proxy) => {
      await Promise.all([world.start('relay'), world.start('shop')]);
      const consumer = await world.start('consumer', { url: proxy.through(world.url) });
      await loseReplies(world, proxy, 'commit');
      await world.finish({ faults: rounds });
      const { duplicates } = await consumer.closed();
      assert.ok(Number(duplicates) >= rounds * repliesPerRound, `only ${duplicates} copies were turned away`);
    }),
  );

  scenario('P2, P3, P4: to the publishing and the deleting of a relay, which publishes again', (world) =>
    withProxy(world, async (proxy) => {
      await Promise.all([world.start('consumer'), world.start('shop')]);
      await world.start('relay', { url: proxy.through(world.url) });
      await loseReplies(world, proxy, OrderPlaced.type);
      // Statements are prepared, so their texts are not sent: a deletion is known by the server that it is meant for.
      const { rows } = await world.pool.query('select holdfast.outbox_incarnation() as incarnation');
      await loseReplies(world, proxy, rows[0].incarnation);
      await world.finish({ faults: 2 * rounds });
      assert.ok((await copiesIn(world)) > 0, 'no message was published twice');
    }),
  );
});
