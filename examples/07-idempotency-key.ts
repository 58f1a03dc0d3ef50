import { idempotencyKey } from '@holdfast/http';
import { createIdempotency, memoryIdempotencyStore } from 'holdfast';

// In memory for an example: Redis or Postgres where more than one process answers.
const idempotency = createIdempotency({ store: memoryIdempotencyStore() });

// Around any function: it runs once per key, and whoever asks again gets its result.
const charge = (orderId: string) =>
  idempotency.once(`charge:${orderId}`, async ({ signal, token }) => {
    signal.throwIfAborted(); // aborts when the claim of the key is lost
    return { orderId, charged: 42, token: token !== '' };
  });
console.log(JSON.stringify([await charge('o-1'), await charge('o-1')].map(({ outcome }) => outcome)));

// Around a fetch-style handler: the Idempotency-Key header.
const keyed = idempotencyKey({
  idempotency,
  caller: (request) => request.headers.get('x-user') ?? undefined, // a key belongs to its caller
  required: true,
});
let orders = 0;
const handler = keyed(async (request) => {
  const { total } = (await request.json()) as { total: number };
  return Response.json({ order: ++orders, total }, { status: 201 });
});

const post = async (total: number, key?: string): Promise<string> => {
  const headers = { 'x-user': 'ada', ...(key !== undefined && { 'idempotency-key': `"${key}"` }) };
  const body = JSON.stringify({ total });
  const response = await handler(new Request('http://shop/orders', { method: 'POST', headers, body }));
  const mark = response.headers.has('idempotency-replayed') ? ' (replayed)' : '';
  const { order, title } = (await response.json()) as { order?: number; title?: string };
  return `${response.status} ${title ?? `order ${order}`}${mark}`;
};

console.log(await post(10, 'k-1'));
console.log(await post(10, 'k-1'));
console.log(await post(20, 'k-1'));
console.log(await post(20));
console.log((await Promise.all([post(30, 'k-2'), post(30, 'k-2')])).join(', '));
