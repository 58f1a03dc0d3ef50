import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import middie from '@fastify/middie';
import { createVirtualClock, isHoldfastError, type Log, silentLog } from '@holdfast/core';
import { createIdempotency, type IdempotencyStore, memoryIdempotencyStore } from '@holdfast/idempotency';
import { OutboxFullError } from '@holdfast/outbox';
import express, { type Express } from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import {
  claimOf,
  type IdempotencyKeyOptions,
  idempotencyKeyMiddleware,
  type NodeMiddleware,
  outboxFullErrors,
  outboxFullProblem,
} from '../src/index.ts';

const runtime = { log: silentLog };

/** What each framework is to do with the same requests. */
interface World {
  readonly url: string;
  /** Bodies as the handler read them. */
  readonly bodies: string[];
  close(): Promise<void>;
}

type Opens = (middleware: NodeMiddleware, steps: Steps) => Promise<World>;

/** What a request makes the handler do, by the `x-do` header. */
interface Steps {
  readonly gate: Promise<void>;
}

const listen = async (listener: RequestListener): Promise<{ server: Server; url: string }> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
};

const closing = (server: Server) => (): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });

const expressApp = (
  middleware: NodeMiddleware,
  { gate }: Steps,
  before?: Express,
): { app: Express; bodies: string[] } => {
  const bodies: string[] = [];
  const app = before ?? express();
  const orders = express.Router();
  orders.use(middleware);
  orders.use(express.json());
  orders.post('/', async (request, response) => {
    bodies.push(JSON.stringify(request.body));
    const does = request.headers['x-do'];
    if (does === 'wait') await gate;
    if (does === 'full') throw new OutboxFullError(1, 1, 5_000);
    if (does === 'throw') throw new Error('no connection');
    if (does === 'large') {
      response.status(201);
      for (let n = 0; n < 10; n++) response.write('x'.repeat(500));
      response.end('end');
      return;
    }
    response.status(201).cookie('session', '1').location(`/orders/${bodies.length}`).json({ order: bodies.length });
  });
  app.use('/orders', orders);
  app.use(outboxFullErrors());
  app.use((_error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
    response.status(500).send('broken');
  });
  return { app, bodies };
};

const withExpress: Opens = async (middleware, steps) => {
  const { app, bodies } = expressApp(middleware, steps);
  const { server, url } = await listen(app);
  return { url, bodies, close: closing(server) };
};

const withParserBefore: Opens = async (middleware, steps) => {
  const { app, bodies } = expressApp(middleware, steps, express().use(express.json()));
  const { server, url } = await listen(app);
  return { url, bodies, close: closing(server) };
};

const withFastify: Opens = async (middleware, { gate }) => {
  const bodies: string[] = [];
  const app: FastifyInstance = fastify();
  await app.register(middie);
  app.use(middleware);
  app.setErrorHandler((error, _request, reply) => {
    const full = outboxFullProblem(error);
    if (full !== undefined) return reply.code(full.status).headers(full.headers).send(full.body);
    return reply.code(500).send('broken');
  });
  app.post('/orders', async (request, reply) => {
    bodies.push(JSON.stringify(request.body));
    const does = request.headers['x-do'];
    if (does === 'wait') await gate;
    if (does === 'full') throw new OutboxFullError(1, 1, 5_000);
    if (does === 'throw') throw new Error('no connection');
    if (does === 'large') {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          for (let n = 0; n < 10; n++) controller.enqueue(Buffer.from('x'.repeat(500)));
          controller.enqueue(Buffer.from('end'));
          controller.close();
        },
      });
      return reply.code(201).send(body);
    }
    reply.header('set-cookie', 'session=1').header('location', `/orders/${bodies.length}`);
    return reply.code(201).send({ order: bodies.length });
  });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return { url, bodies, close: () => app.close() };
};

const frameworks: readonly { readonly name: string; readonly open: Opens }[] = [
  { name: 'Express', open: withExpress },
  { name: 'Express with a body parser before it', open: withParserBefore },
  { name: 'Fastify', open: withFastify },
];

for (const { name, open } of frameworks) {
  describe(`idempotencyKeyMiddleware in ${name}`, () => {
    let world: World;
    let gate: PromiseWithResolvers<void>;
    const start = async (options: Partial<IdempotencyKeyOptions<IncomingMessage>> = {}): Promise<void> => {
      gate = Promise.withResolvers();
      const middleware = idempotencyKeyMiddleware({
        idempotency: createIdempotency({ store: memoryIdempotencyStore(), runtime }),
        caller: ({ headers }) => String(headers['x-user'] ?? ''),
        runtime,
        ...options,
      });
      world = await open(middleware, { gate: gate.promise });
    };
    afterEach(() => world.close());

    interface Sending {
      readonly key?: string;
      readonly does?: string;
      readonly body?: string;
      readonly user?: string;
    }

    const post = ({ key, does = '', body = '{"total":10}', user = 'ada' }: Sending): Promise<Response> =>
      fetch(`${world.url}/orders`, {
        ...{ method: 'POST', body },
        headers: {
          ...{ 'content-type': 'application/json', 'x-user': user, 'x-do': does },
          ...(key !== undefined && { 'idempotency-key': key }),
        },
      });
    const replayed = ({ headers }: Response): boolean => headers.get('idempotency-replayed') === 'true';

    it('V15: answers a repeat with the first response and its kept headers', async () => {
      await start();
      const first = await post({ key: '"k"' });
      assert.deepEqual([first.status, await first.text(), replayed(first)], [201, '{"order":1}', false]);
      assert.match(first.headers.get('set-cookie') ?? '', /session=1/);
      const again = await post({ key: '"k"' });
      assert.deepEqual([again.status, await again.text(), replayed(again)], [201, '{"order":1}', true]);
      assert.equal(again.headers.get('location'), '/orders/1');
      assert.match(again.headers.get('content-type') ?? '', /^application\/json/);
      assert.equal(again.headers.get('set-cookie'), null);
      assert.deepEqual(world.bodies, ['{"total":10}']);
    });

    it('V15: 409 with Retry-After while it is handled, 422 for another body, 400 without a key it can read, 401 without a caller', async () => {
      await start({ required: true });
      const first = post({ key: '"k"', does: 'wait' });
      while (world.bodies.length === 0) await new Promise(setImmediate);
      const early = await post({ key: '"k"', does: 'wait' });
      assert.deepEqual([early.status, early.headers.get('retry-after')], [409, '10']);
      assert.equal(early.headers.get('content-type'), 'application/problem+json');
      gate.resolve();
      assert.equal((await first).status, 201);
      assert.equal((await post({ key: '"k"', body: '{"total":20}' })).status, 422);
      assert.equal(replayed(await post({ key: '"k"' })), true);
      assert.deepEqual([(await post({})).status, (await post({ key: 'k' })).status], [400, 400]);
      assert.equal((await post({ key: '"k"', user: '' })).status, 401);
      assert.equal(replayed(await post({ key: '"k"', user: 'bob' })), false);
      assert.equal(world.bodies.length, 2);
    });

    it('gives the key back after an error, and after 429 with Retry-After for a full outbox', async () => {
      await start();
      assert.equal((await post({ key: '"k"', does: 'throw' })).status, 500);
      const full = await post({ key: '"k"', does: 'full' });
      assert.deepEqual([full.status, full.headers.get('retry-after')], [429, '5']);
      const { type } = (await full.json()) as { type: string };
      assert.equal(type, 'urn:holdfast:problem:outbox_full');
      assert.equal((await post({ key: '"k"' })).status, 201);
      assert.equal(replayed(await post({ key: '"k"' })), true);
    });

    it('P5, I6: sends on what is too large to be kept, and does not handle the request again', async () => {
      await start({ maxBodyBytes: 2_000 });
      const first = await post({ key: '"k"', does: 'large' });
      assert.deepEqual([first.status, (await first.text()).length], [201, 5_003]);
      const again = await post({ key: '"k"', does: 'large' });
      assert.equal(again.status, 409);
      assert.match(await again.text(), /response_not_kept/);
      assert.equal(world.bodies.length, 1);
    });

    it('keeps what was written in parts', async () => {
      await start();
      const [first, again] = [await post({ key: '"k"', does: 'large' }), await post({ key: '"k"', does: 'large' })];
      assert.equal(await again.text(), await first.text());
      assert.equal(replayed(again), true);
    });

    it('hands on a body that comes in pieces, and compares it', async () => {
      await start();
      const body = (last: string) => JSON.stringify({ text: 'x'.repeat(90_000), last });
      assert.equal((await post({ key: '"k"', body: body('a') })).status, 201);
      assert.equal(world.bodies[0], body('a'));
      assert.equal((await post({ key: '"k"', body: body('b') })).status, 422);
      assert.equal(replayed(await post({ key: '"k"', body: body('a') })), true);
    });
  });
}

describe('idempotencyKeyMiddleware over plain HTTP', () => {
  it('P8: keeps the key of a request whose client has gone while its handler runs; its end is kept, and given to the repeat', async () => {
    const gate = Promise.withResolvers<void>();
    let handled = 0;
    const middleware = idempotencyKeyMiddleware({
      idempotency: createIdempotency({ store: memoryIdempotencyStore(), runtime }),
      ...{ caller: 'anyone', runtime },
    });
    const { server, url } = await listen((request, response) =>
      middleware(request, response, () => {
        handled++;
        void gate.promise.then(() => {
          response.writeHead(201, { 'content-type': 'text/plain', location: '/orders/1' }).end('done');
        });
      }),
    );
    const post = (signal?: AbortSignal) =>
      fetch(url, { method: 'POST', headers: { 'idempotency-key': '"k"' }, body: 'x', ...(signal && { signal }) });
    const leaving = new AbortController();
    const first = post(leaving.signal).catch(() => {});
    while (handled === 0) await new Promise(setImmediate);
    leaving.abort();
    await first;
    assert.equal((await post()).status, 409);
    gate.resolve();
    let again = await post();
    while (again.status === 409) again = await post();
    assert.deepEqual([again.status, again.headers.get('location'), await again.text()], [201, '/orders/1', 'done']);
    assert.equal(handled, 1);
    await closing(server)();
  });

  it('gives the key back when the client has gone and nothing is sent for a minute', async () => {
    const clock = createVirtualClock();
    const store = memoryIdempotencyStore({ runtime: { clock } });
    let handled = 0;
    const middleware = idempotencyKeyMiddleware({
      idempotency: createIdempotency({ store, runtime: { ...runtime, clock } }),
      ...{ caller: 'anyone', runtime: { ...runtime, clock } },
    });
    const closed = Promise.withResolvers<void>();
    const { server, url } = await listen((request, response) =>
      middleware(request, response, () => {
        handled++;
        response.once('close', closed.resolve);
      }),
    );
    const leaving = new AbortController();
    const headers = { 'idempotency-key': '"k"' };
    const first = fetch(url, { method: 'POST', headers, signal: leaving.signal }).catch(() => {});
    while (handled === 0) await new Promise(setImmediate);
    leaving.abort();
    await Promise.all([first, closed.promise]);
    await clock.advance(59_000);
    assert.equal((await fetch(url, { method: 'POST', headers })).status, 409);
    await clock.advance(2_000);
    const second = fetch(url, { method: 'POST', headers }).catch(() => {});
    while (handled === 1) await new Promise(setImmediate);
    await closing(server)();
    await second;
    await clock.advance(61_000);
    assert.equal(clock.timers, 0);
  });

  const serve = (options: Partial<IdempotencyKeyOptions<IncomingMessage>>, handler: RequestListener) => {
    const middleware = idempotencyKeyMiddleware({
      idempotency: createIdempotency({ store: memoryIdempotencyStore(), runtime }),
      ...{ caller: 'anyone', runtime, ...options },
    });
    return listen((request, response) => middleware(request, response, () => handler(request, response)));
  };
  const post = (url: string) => fetch(url, { method: 'POST', headers: { 'idempotency-key': '"k"' }, body: 'x' });

  it('answers a request whose response `keep` throws at, says so, and does not keep it', async () => {
    const lines: string[] = [];
    const log: Log = { ...silentLog, error: (_fields, text) => lines.push(text) };
    let handled = 0;
    const keep = (): boolean => {
      throw new Error('keep broke');
    };
    const { server, url } = await serve({ keep, runtime: { log } }, (_request, response) => {
      response.writeHead(201).end(`order ${++handled}`);
    });
    for (const n of [1, 2]) {
      const answer = await post(url);
      assert.deepEqual([answer.status, await answer.text()], [201, `order ${n}`]);
    }
    assert.match(lines[0] ?? '', /^keep threw/);
    await closing(server)();
  });

  for (const by of ['setHeader', 'writeHead'] as const) {
    it(`P5: holds back nothing of an event stream that is announced by ${by}`, async () => {
      const read = Promise.withResolvers<void>();
      const { server, url } = await serve({}, (_request, response) => {
        if (by === 'setHeader') response.setHeader('content-type', 'text/event-stream');
        else response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
        void read.promise.then(() => response.end('data: 2\n\n'));
      });
      const reader = (await post(url)).body?.getReader();
      assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'data: 1\n\n');
      read.resolve();
      assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'data: 2\n\n');
      await closing(server)();
    });
  }

  it('keeps a header that was set once when writeHead was given it again', async () => {
    const { server, url } = await serve({}, (_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.writeHead(201, { 'content-type': 'text/plain' }).end('done');
    });
    for (let n = 0; n < 2; n++) assert.equal((await post(url)).headers.get('content-type'), 'text/plain');
    await closing(server)();
  });

  it('throws to the handler what writeHead refuses, at once, and not later at nobody', async () => {
    const refused: unknown[] = [];
    const { server, url } = await serve({}, (_request, response) => {
      for (const given of [[201, { location: 'a\nb' }], [42]] as const) {
        try {
          response.writeHead(given[0], given[1]);
        } catch (error) {
          refused.push(error);
        }
      }
      response.writeHead(201).end('done');
    });
    assert.deepEqual([(await post(url)).status, refused.length], [201, 2]);
    await closing(server)();
  });

  for (const by of ['writeHead', 'end'] as const) {
    it(`tells a handler that its claim is lost, and sends 503 in place of what it wrote by ${by}`, async () => {
      const clock = createVirtualClock();
      const store = memoryIdempotencyStore({ runtime: { clock } });
      const lost: IdempotencyStore = {
        ...store,
        renew: async (renewals) => renewals.map(() => 'lost' as const),
        settle: async (settlings) => settlings.map(() => 'lost' as const),
      };
      const idempotency = createIdempotency({ store: lost, leaseMs: 6_000, runtime: { ...runtime, clock } });
      const begun = Promise.withResolvers<AbortSignal>();
      const { server, url } = await serve({ idempotency }, (given, response) => {
        const claim = claimOf(given);
        assert.match(claim?.token ?? '', /^\d+$/);
        response.setHeader('access-control-allow-origin', '*').setHeader('set-cookie', 'session=1');
        claim?.signal.addEventListener('abort', () => {
          if (by === 'writeHead')
            response.writeHead(201, 'Created', { 'content-type': 'text/plain', 'content-length': 4 });
          response.end('done');
        });
        if (claim !== undefined) begun.resolve(claim.signal);
      });
      const answer = post(url);
      const signal = await begun.promise;
      await clock.advance(6_000);
      assert.ok(isHoldfastError(signal.reason, 'lease_lost'));
      const { status, statusText, headers, text } = await answer.then(async (response) => ({
        ...{ status: response.status, statusText: response.statusText, headers: response.headers },
        text: await response.text(),
      }));
      assert.deepEqual([status, statusText], [503, 'Service Unavailable']);
      assert.match(text, /claim_lost/);
      assert.deepEqual(
        ['content-type', 'set-cookie', 'access-control-allow-origin', 'retry-after'].map((name) => headers.get(name)),
        ['application/problem+json', null, '*', '1'],
      );
      await closing(server)();
    });
  }

  it('shows a head that was written as sent, so that nothing is made of it that it is not', async () => {
    const seen: boolean[] = [];
    const { server, url } = await serve({}, (_request, response) => {
      seen.push(response.headersSent);
      response.writeHead(201, { 'content-type': 'text/plain' });
      seen.push(response.headersSent);
      response.flushHeaders();
      response.writeHead(500);
      response.end('done');
    });
    for (let n = 0; n < 2; n++) {
      const answer = await post(url);
      assert.deepEqual(
        [answer.status, await answer.text(), answer.headers.get('content-type')],
        [201, 'done', 'text/plain'],
      );
    }
    assert.deepEqual(seen, [false, true]);
    await closing(server)();
  });
});
