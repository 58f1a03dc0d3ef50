import assert from 'node:assert/strict';
import { createVirtualClock, isHoldfastError, silentLog } from '@holdfast/core';
import { createIdempotency, type IdempotencyStore, memoryIdempotencyStore } from '@holdfast/idempotency';
import { OutboxFullError } from '@holdfast/outbox';
import { claimOf, type FetchHandler, type IdempotencyKeyOptions, idempotencyKey } from '../src/index.ts';

const runtime = { log: silentLog };
const encoder = new TextEncoder();

const request = (key: string | undefined, body: BodyInit | null = '{"total":10}', init: RequestInit = {}): Request =>
  new Request('http://shop.test/orders?draft=no', {
    ...{ method: 'POST', body, ...init },
    headers: { 'x-user': 'ada', ...(key !== undefined && { 'idempotency-key': key }), ...init.headers },
  });

type BodyInit = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

const setUp = (
  options: Partial<IdempotencyKeyOptions<Request>> = {},
  store: IdempotencyStore = memoryIdempotencyStore(),
) => {
  const calls: string[] = [];
  const keyed = idempotencyKey({
    idempotency: createIdempotency({ store, runtime }),
    caller: ({ headers }) => headers.get('x-user') ?? undefined,
    runtime,
    ...options,
  });
  const created: FetchHandler = async (given) => {
    calls.push(await given.text());
    return Response.json(
      { order: calls.length },
      { status: 201, headers: { location: `/orders/${calls.length}`, 'set-cookie': 'session=1', 'x-own': '1' } },
    );
  };
  return { calls, keyed, created };
};

const problemOf = async (response: Response) => {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const { type, status } = (await response.json()) as { type: string; status: number };
  assert.equal(status, response.status);
  return { status, type: type.replace('urn:holdfast:problem:', '') };
};

describe('idempotencyKey around a fetch handler', () => {
  it('V15: answers a repeat with the first response, byte by byte, with its kept headers and a mark', async () => {
    const { calls, keyed, created } = setUp();
    const handler = keyed(created);
    const first = await handler(request('"k1"'));
    assert.deepEqual([first.status, await first.text()], [201, '{"order":1}']);
    assert.equal(first.headers.get('set-cookie'), 'session=1');
    assert.equal(first.headers.get('idempotency-replayed'), null);
    const again = await handler(request('"k1"'));
    assert.deepEqual([again.status, await again.text()], [201, '{"order":1}']);
    assert.deepEqual(Object.fromEntries(again.headers), {
      ...{ 'content-type': 'application/json', location: '/orders/1', 'idempotency-replayed': 'true' },
    });
    assert.equal((await handler(request('"k2"'))).headers.get('location'), '/orders/2');
    assert.equal(calls.length, 2);
  });

  it('V15: of fifty requests at once one is handled; the others get 409 and Retry-After, and its response later', async () => {
    const { keyed } = setUp();
    const gate = Promise.withResolvers<void>();
    let handled = 0;
    const handler = keyed(async () => {
      handled++;
      await gate.promise;
      return new Response('done', { status: 201 });
    });
    const all = Array.from({ length: 50 }, () => handler(request('"k"')));
    for (const response of await Promise.all(all.slice(1))) {
      assert.equal(response.headers.get('retry-after'), '10');
      assert.deepEqual(await problemOf(response), { status: 409, type: 'in_progress' });
    }
    gate.resolve();
    assert.equal((await all[0])?.status, 201);
    assert.equal(await (await handler(request('"k"'))).text(), 'done');
    assert.equal(handled, 1);
  });

  it('V15: refuses another request under the same key: another path, method, query or body', async () => {
    const { calls, keyed, created } = setUp();
    const handler = keyed(created);
    await handler(request('"k"'));
    const others = [
      request('"k"', '{"total":20}'),
      request('"k"', null),
      request('"k"', '{"total":10}', { method: 'PATCH' }),
      new Request('http://shop.test/orders', request('"k"')),
      new Request('http://shop.test/refunds?draft=no', request('"k"')),
    ];
    for (const other of others)
      assert.deepEqual(await problemOf(await handler(other)), { status: 422, type: 'key_reused' });
    assert.equal((await handler(request('"k"'))).status, 201);
    assert.equal(calls.length, 1);
  });

  it('answers a request whose response `keep` throws at, and does not keep it', async () => {
    const { calls, keyed, created } = setUp({
      keep: () => {
        throw new Error('keep broke');
      },
    });
    const handler = keyed(created);
    for (const n of [1, 2]) assert.equal(await (await handler(request('"k"'))).text(), `{"order":${n}}`);
    assert.equal(calls.length, 2);
  });

  it('compares by a fingerprint of one’s own in place of that', async () => {
    const { keyed, created } = setUp({
      fingerprint: async (given) => String(((await given.clone().json()) as { total: number }).total),
    });
    const handler = keyed(created);
    await handler(request('"k"', '{"total":10}'));
    assert.equal((await handler(request('"k"', '{ "total": 10 }'))).status, 201);
    assert.equal((await handler(request('"k"', '{"total":20}'))).status, 422);
  });

  it('refuses a key that is malformed, or missing where it is required; without one it changes nothing', async () => {
    const required = setUp({ required: true });
    const strict = required.keyed(required.created);
    assert.deepEqual(await problemOf(await strict(request(undefined))), { status: 400, type: 'key_missing' });
    assert.deepEqual(await problemOf(await strict(request('no quotes'))), { status: 400, type: 'key_malformed' });
    assert.equal(required.calls.length, 0);
    const optional = setUp();
    const handler = optional.keyed(optional.created);
    assert.deepEqual(await problemOf(await handler(request('"'))), { status: 400, type: 'key_malformed' });
    for (let n = 1; n <= 2; n++) assert.equal(await (await handler(request(undefined))).text(), `{"order":${n}}`);
    const read = (method: string) =>
      handler(new Request('http://shop.test/orders', { method, headers: { 'idempotency-key': '"k"' } }));
    for (const method of ['GET', 'GET', 'DELETE'])
      assert.equal((await read(method)).headers.has('idempotency-replayed'), false);
  });

  it('V15, I8: a key belongs to its caller, whatever it looks like; who is not known gets 401', async () => {
    const { calls, keyed, created } = setUp();
    const handler = keyed(created);
    const as = (user: string, key: string) => handler(request(key, '{}', { headers: { 'x-user': user } }));
    for (const [user, key] of [
      ['ada', '"bob:k"'],
      ['ada:bob', '"k"'],
      ['bob', '"k"'],
    ] as const) {
      assert.equal((await as(user, key)).headers.has('idempotency-replayed'), false);
    }
    assert.deepEqual(await problemOf(await as('', '"k"')), { status: 401, type: 'caller_unknown' });
    assert.equal(calls.length, 3);
    const shared = setUp({ caller: 'anyone' });
    const open = shared.keyed(shared.created);
    await open(request('"k"', '{}', { headers: { 'x-user': 'ada' } }));
    assert.equal(
      (await open(request('"k"', '{}', { headers: { 'x-user': 'bob' } }))).headers.get('idempotency-replayed'),
      'true',
    );
    const idempotency = createIdempotency({ store: memoryIdempotencyStore() });
    assert.throws(
      () => idempotencyKey({ idempotency } as unknown as IdempotencyKeyOptions<Request>),
      (error) => isHoldfastError(error, 'invalid_option') && /caller/.test(error.message),
    );
  });

  it('gives the key back after a response that says that nothing was done, and after a handler that throws', async () => {
    const { keyed } = setUp();
    for (const status of [500, 503, 429, 408]) {
      const statuses = [status, 201];
      const handler = keyed(async () => new Response('x', { status: statuses.shift() ?? 0 }));
      assert.equal((await handler(request(`"s${status}"`))).status, status);
      assert.equal((await handler(request(`"s${status}"`))).status, 201);
    }
    let throws = true;
    const handler = keyed(async () => {
      if (throws) throw new Error('no connection');
      return new Response('x', { status: 201 });
    });
    await assert.rejects(handler(request('"t"')), /no connection/);
    throws = false;
    assert.equal((await handler(request('"t"'))).status, 201);
  });

  it('keeps what it is told to keep, a refusal of 400 by itself', async () => {
    const all = setUp({ keep: () => true });
    let calls = 0;
    const failing: FetchHandler = async () => new Response(`${++calls}`, { status: 500 });
    const handler = all.keyed(failing);
    assert.equal(await (await handler(request('"k"'))).text(), await (await handler(request('"k"'))).text());
    const refusing = setUp().keyed(async () => new Response(`${++calls}`, { status: 400 }));
    assert.equal(await (await refusing(request('"k"'))).text(), await (await refusing(request('"k"'))).text());
  });

  it('P5, I6: sends on a response that is too large to be kept, and does not handle the request again', async () => {
    const { keyed } = setUp({ maxBodyBytes: 1_000 });
    let handled = 0;
    const handler = keyed(async () => {
      handled++;
      let chunks = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) =>
          chunks++ < 50 ? controller.enqueue(encoder.encode('x'.repeat(100))) : controller.close(),
      });
      return new Response(body, { status: 201 });
    });
    assert.equal((await (await handler(request('"k"'))).text()).length, 5_000);
    assert.deepEqual(await problemOf(await handler(request('"k"'))), { status: 409, type: 'response_not_kept' });
    assert.equal(handled, 1);
  });

  it('V15: sends a response when it is kept, not before', async () => {
    const memory = memoryIdempotencyStore();
    const kept = Promise.withResolvers<void>();
    const slow: IdempotencyStore = {
      ...memory,
      settle: async (settlings) => {
        await kept.promise;
        return memory.settle(settlings);
      },
    };
    const { calls, keyed, created } = setUp({}, slow);
    const sent = keyed(created)(request('"k"'));
    while (calls.length === 0) await new Promise(setImmediate);
    const early = await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, 20, 'nothing yet'))]);
    assert.equal(early, 'nothing yet');
    kept.resolve();
    assert.equal((await sent).status, 201);
  });

  it('I6: does not hold back an event stream', async () => {
    const { keyed } = setUp();
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode('data: 1\n\n')),
    });
    const handler = keyed(async () => new Response(stream, { headers: { 'content-type': 'text/event-stream' } }));
    const reader = (await handler(request('"k"'))).body?.getReader();
    assert.equal(new TextDecoder().decode((await reader?.read())?.value), 'data: 1\n\n');
    await reader?.cancel();
  });

  it('I6: keeps the headers that are listed, a cookie only where it is named', async () => {
    const { keyed, created } = setUp({ headers: ['Set-Cookie', 'X-Own'] });
    const handler = keyed(created);
    await handler(request('"k"'));
    const again = await handler(request('"k"'));
    assert.deepEqual(
      [again.headers.getSetCookie(), again.headers.get('x-own'), again.headers.get('location')],
      [['session=1'], '1', null],
    );
  });

  it('hands the body of the request on as it comes', async () => {
    const { keyed } = setUp();
    const sent = Promise.withResolvers<void>();
    const seen: string[] = [];
    const body = new ReadableStream<Uint8Array>({
      start: async (controller) => {
        controller.enqueue(encoder.encode('first'));
        await sent.promise;
        controller.enqueue(encoder.encode('second'));
        controller.close();
      },
    });
    const handler = keyed(async (given) => {
      for await (const chunk of given.body ?? []) {
        seen.push(new TextDecoder().decode(chunk));
        sent.resolve();
      }
      return new Response(null, { status: 204 });
    });
    const streaming = request('"k"', body, { duplex: 'half' } as RequestInit);
    assert.equal((await handler(streaming)).status, 204);
    assert.deepEqual(seen, ['first', 'second']);
    assert.equal((await handler(request('"k"', 'firstsecond'))).status, 204);
    assert.equal((await handler(request('"k"', 'firstsecond!'))).status, 422);
  });

  it('V15: gives back a body of any bytes', async () => {
    const { keyed } = setUp();
    const bytes = Uint8Array.from({ length: 512 }, (_, n) => n % 256);
    const handler = keyed(async () => new Response(bytes, { status: 200 }));
    for (let n = 0; n < 2; n++) assert.deepEqual(await (await handler(request('"k"'))).bytes(), bytes);
  });

  it('P5: answers a full outbox with 429 and Retry-After, with a key and without; the key is free', async () => {
    const { keyed } = setUp();
    let full = true;
    const handler = keyed(async () => {
      if (full) throw new OutboxFullError(10, 10, 2_500);
      return new Response('x', { status: 201 });
    });
    for (const key of ['"k"', undefined]) {
      const response = await handler(request(key));
      assert.equal(response.headers.get('retry-after'), '3');
      assert.deepEqual(await problemOf(response), { status: 429, type: 'outbox_full' });
    }
    full = false;
    assert.equal((await handler(request('"k"'))).status, 201);
  });

  it('handles nothing while the store does not answer, and says 503', async () => {
    const gone = async () => Promise.reject(new Error('no connection'));
    const { calls, keyed, created } = setUp({}, { claim: gone, renew: gone, settle: gone, find: gone });
    const response = await keyed(created)(request('"k"'));
    assert.equal(response.headers.get('retry-after'), '1');
    assert.deepEqual(await problemOf(response), { status: 503, type: 'keys_unavailable' });
    assert.equal(calls.length, 0);
  });

  /** Whose claims go to another while the handler runs. */
  const losing = () => {
    const clock = createVirtualClock();
    const store = memoryIdempotencyStore({ runtime: { clock } });
    const lost: IdempotencyStore = {
      ...store,
      renew: async (renewals) => renewals.map(() => 'lost' as const),
      settle: async (settlings) => settlings.map(() => 'lost' as const),
    };
    return { clock, idempotency: createIdempotency({ store: lost, leaseMs: 6_000, runtime: { ...runtime, clock } }) };
  };

  for (const how of ['goes on', 'stops'] as const) {
    it(`tells a handler that ${how} that its claim is lost, and does not answer as if its response were kept`, async () => {
      const { clock, idempotency } = losing();
      const { keyed } = setUp({ idempotency });
      const gate = Promise.withResolvers<void>();
      let given: Request | undefined;
      const answer = keyed(async (request) => {
        given = request;
        await gate.promise;
        if (how === 'stops') request.signal.throwIfAborted();
        return new Response('done', { status: 201 });
      })(request('"k"'));
      while (given === undefined) await clock.advance(0);
      assert.equal(given.signal.aborted, false);
      assert.match(claimOf(given)?.token ?? '', /^\d+$/);
      await clock.advance(6_000);
      assert.equal(given.signal.aborted, true);
      assert.ok(isHoldfastError(given.signal.reason, 'lease_lost'));
      assert.equal(claimOf(given)?.signal.aborted, true);
      gate.resolve();
      const response = await answer;
      assert.equal(response.headers.get('retry-after'), '1');
      assert.deepEqual(await problemOf(response), { status: 503, type: 'claim_lost' });
    });
  }

  it('gives a request without a body a signal that aborts with its client', async () => {
    const { keyed } = setUp();
    const leaving = new AbortController();
    const handler = keyed(async ({ signal }) => {
      leaving.abort();
      return new Response(String(signal.aborted), { status: 201 });
    });
    assert.equal(await (await handler(request('"k"', null, { signal: leaving.signal }))).text(), 'true');
  });

  it('answers with what was done although it could not be kept', async () => {
    const clock = createVirtualClock();
    const store = memoryIdempotencyStore({ runtime: { clock } });
    const failing = { ...store, settle: async () => Promise.reject(new Error('no connection')) };
    const idempotency = createIdempotency({ store: failing, runtime: { ...runtime, clock } });
    const { keyed, created } = setUp({ idempotency });
    let status: number | undefined;
    void keyed(created)(request('"k"')).then((response) => {
      status = response.status;
    });
    while (status === undefined) await clock.advance(1_000);
    assert.equal(status, 201);
  });
});
