import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { defineMessage, silentLog } from '@holdfast/core';
import { idempotencyKeyMiddleware, outboxFullErrors } from '@holdfast/http';
import { createIdempotency } from '@holdfast/idempotency';
import { idempotencySchema, postgresIdempotencyStore } from '@holdfast/idempotency-postgres';
import { createOutbox, outboxSchema } from '@holdfast/outbox';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import * as z from 'zod';
import { type Child, type FreshDatabase, freshDatabase, sharedRedis, spawnChild } from '../../harness/index.ts';

const runtime = { log: silentLog };

describe('a shop that takes orders over HTTP', function () {
  this.timeout(30_000);
  let fresh: FreshDatabase;
  let pool: Pool;
  before(async () => {
    fresh = await freshDatabase();
    pool = new Pool({ connectionString: fresh.url });
    await pool.query('create table orders (no bigint generated always as identity)');
  });
  after(async () => {
    await pool.end();
    await fresh.drop();
  });
  const orders = async (): Promise<number> => Number((await pool.query('select count(*) from orders')).rows[0].count);

  describe('by several processes, keys in Redis', () => {
    let children: Child[] = [];
    let prefix: string;
    beforeEach(() => {
      prefix = `t-${crypto.randomUUID()}:`;
    });
    afterEach(async () => {
      await Promise.all(children.map((child) => child.close()));
      children = [];
    });

    const open = async (): Promise<{ child: Child; post: (key: string, takesMs?: number) => Promise<Response> }> => {
      const { url } = await sharedRedis();
      const child = spawnChild(new URL('children/shop.ts', import.meta.url), [fresh.url, url, prefix]);
      children.push(child);
      const { port } = await child.saw((line) => 'port' in line);
      const headers = { 'x-user': 'ada', 'content-type': 'application/json' };
      return {
        child,
        post: (key, takesMs = 0) =>
          fetch(`http://127.0.0.1:${port}/orders`, {
            ...{ method: 'POST', body: '{"total":10}' },
            headers: { ...headers, 'idempotency-key': `"${key}"`, 'x-takes-ms': String(takesMs) },
          }),
      };
    };
    /** As a client does that is told to wait. */
    const untilDone = async (post: () => Promise<Response>): Promise<Response> => {
      for (;;) {
        const response = await post();
        if (response.status !== 409) return response;
        assert.ok(response.headers.has('retry-after'));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };

    it('V15: one order for a key, whichever process is asked and however often; all answers are the same', async () => {
      const before = await orders();
      const shops = [await open(), await open()];
      const asked = Array.from({ length: 40 }, (_, n) =>
        untilDone(() => shops[n % 2]?.post('same', 50) ?? assert.fail()),
      );
      const answers = await Promise.all(
        (await Promise.all(asked)).map(async (answer) => `${answer.status} ${await answer.text()}`),
      );
      assert.equal(new Set(answers).size, 1);
      assert.match(answers[0] ?? '', /^201 /);
      assert.equal((await orders()) - before, 1);
    });

    it('V15, F1: the request of a process that is killed before its order is handled by another, after its lease', async () => {
      const before = await orders();
      const [first, second] = [await open(), await open()];
      const lost = first.post('killed', 60_000).catch((error: unknown) => error);
      await first.child.saw({ handles: true });
      await first.child.close();
      assert.ok((await lost) instanceof Error);
      assert.equal((await second.post('killed')).status, 409);
      const answer = await untilDone(() => second.post('killed'));
      assert.deepEqual([answer.status, answer.headers.has('idempotency-replayed')], [201, false]);
      assert.equal((await second.post('killed')).headers.get('idempotency-replayed'), 'true');
      assert.equal((await orders()) - before, 1);
    });
  });

  describe('with an outbox, keys in Postgres', () => {
    const OrderPlaced = defineMessage('order.placed', {
      ...{ version: 1, topic: 'orders' },
      schema: z.object({ total: z.number() }),
      key: () => 'ada',
    });
    let server: Server;
    let url: string;
    before(async () => {
      const database = pgDatabase(pool);
      await migrate(database, [outboxSchema, idempotencySchema]);
      const outbox = createOutbox(database, { capacity: 3, runtime });
      const store = postgresIdempotencyStore({ database, runtime });
      const idempotency = createIdempotency({ store, runtime });
      const keyed = idempotencyKeyMiddleware({ idempotency, caller: 'anyone', runtime });
      const refuse = outboxFullErrors();
      server = createServer((request, response) => {
        const order = () =>
          outbox.transaction(async (tx) => {
            await tx.query('insert into orders default values');
            await outbox.add(tx, OrderPlaced, { total: 10 });
          });
        keyed(request, response, () => {
          order().then(
            () => response.writeHead(201).end(),
            (error: unknown) => refuse(error, request, response, () => response.writeHead(500).end()),
          );
        });
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`;
    });
    after(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const post = (key: string) => fetch(url, { method: 'POST', headers: { 'idempotency-key': `"${key}"` } });

    it('P5: answers 429 with Retry-After when the outbox is full, writes nothing, and takes the same key when there is room', async () => {
      const before = await orders();
      let taken = 0;
      let refused: Response | undefined;
      // Its capacity is looked at now and then.
      for (let n = 0; refused === undefined; n++) {
        const response = await post(`order-${n}`);
        if (response.status === 201) taken++;
        else refused = response;
        assert.ok(n < 2_000, 'it is never full');
      }
      assert.equal(refused.status, 429);
      assert.ok(Number(refused.headers.get('retry-after')) >= 1);
      assert.equal((await orders()) - before, taken);
      const key = `order-${taken}`;
      await pool.query('delete from holdfast.outbox');
      for (;;) {
        const response = await post(key);
        if (response.status === 201) break;
        assert.equal(response.status, 429);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.equal((await post(key)).headers.get('idempotency-replayed'), 'true');
      assert.equal((await orders()) - before, taken + 1);
    });
  });
});
