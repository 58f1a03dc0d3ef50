import assert from 'node:assert/strict';
import { compose, type Delivery, type Middleware } from '@holdfast/core';
import { aDelivery } from './a-delivery.ts';

/** Adds a field to the delivery and notes when it is entered and left. */
const adds =
  <Added extends object>(name: string, added: Added, notes: string[] = []): Middleware<Added> =>
  (next) =>
  async (delivery) => {
    notes.push(`${name} in`);
    await next({ ...delivery, ...added });
    notes.push(`${name} out`);
  };

const needsTenant: Middleware<{ quota: number }, { tenant: string }> = (next) => (delivery) =>
  next({ ...delivery, quota: delivery.tenant.length });

describe('compose', () => {
  it('puts the first listed outermost', async () => {
    const notes: string[] = [];
    const handler = compose(
      adds('a', { a: 1 }, notes),
      adds('b', { b: 2 }, notes),
    )(async ({ a, b }) => {
      notes.push(`handler ${a} ${b}`);
    });
    await handler(aDelivery());
    assert.deepEqual(notes, ['a in', 'b in', 'handler 1 2', 'b out', 'a out']);
  });

  it('gives the handler what every middleware added, as the types say', async () => {
    const seen: (string | number)[] = [];
    const handler = compose(
      adds('tenant', { tenant: 'acme' }),
      needsTenant,
      adds('c', { c: 3 }),
      adds('d', { d: 4 }),
      adds('e', { e: 5 }),
    )(async ({ tenant, quota, c, d, e, message }) => {
      seen.push(tenant, quota, c, d, e, message.id);
    });
    await handler(aDelivery());
    assert.deepEqual(seen, ['acme', 4, 3, 4, 5, 'm1']);
  });

  it('changes nothing when it is given nothing', async () => {
    const delivery = aDelivery();
    const seen: Delivery[] = [];
    await compose()(async (given) => {
      seen.push(given);
    })(delivery);
    assert.equal(seen[0], delivery);
  });

  it('lets a middleware run the rest twice, and an error through', async () => {
    let runs = 0;
    const twice: Middleware = (next) => async (delivery) => {
      await next(delivery).catch(() => {});
      await next(delivery);
    };
    const handler = compose(twice)(async () => {
      runs++;
      throw new Error(`run ${runs}`);
    });
    await assert.rejects(handler(aDelivery()), { message: 'run 2' });
  });

  it('refuses an order in which a middleware would miss what it needs, at compile time', () => {
    compose(adds('tenant', { tenant: 'acme' }), needsTenant);
    // @ts-expect-error: needsTenant stands outside of what adds the tenant
    compose(needsTenant, adds('tenant', { tenant: 'acme' }));
    // @ts-expect-error: nothing adds the tenant
    compose(adds('a', { a: 1 }), needsTenant);
    // @ts-expect-error: what is added has another type
    compose(adds('tenant', { tenant: 1 }), needsTenant);
    // @ts-expect-error: alone it has nobody to give it the tenant
    compose(needsTenant);
    // @ts-expect-error: the handler asks for what no middleware adds
    compose(adds('a', { a: 1 }))(async ({ missing }) => missing);
  });
});
