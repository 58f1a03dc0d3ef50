import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

export interface CustomersOptions {
  readonly url: string;
  readonly orders: number;
  /** Orders a second. */
  readonly rate: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** What the so-manieth order costs. */
  readonly totalOf: (place: number) => number;
}

const customers = 50;

/** Places orders over HTTP at the rate, until all are placed or the signal aborts; an order without an answer is asked for again. */
export const placeOrders = async (options: CustomersOptions): Promise<void> => {
  const { orders, rate, random, signal, totalOf } = options;
  const startedAt = performance.now();
  const open = new Set<Promise<void>>();
  let customer = pickCustomer(random);
  for (let placed = 0; placed < orders && !signal.aborted; placed++) {
    const isSecondAtOnce = random() < 0.2;
    if (!isSecondAtOnce) {
      await pause(Math.max(0, startedAt + (placed * 1_000) / rate - performance.now()));
      customer = pickCustomer(random);
    }
    const order = {
      orderId: randomUUID(),
      customerId: `customer-${customer}`,
      total: totalOf(placed),
    };
    const placing = placeOrder(options, order).finally(() => open.delete(placing));
    open.add(placing);
  }
  await Promise.all(open);
};

/** A few customers order far more than the rest, and some orders come two at once: those could overtake each other. */
const pickCustomer = (random: () => number): number => Math.floor(random() ** 1.5 * customers);

const placeOrder = async ({ url }: CustomersOptions, order: object): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    try {
      const response = await fetch(`${url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(order),
        signal: AbortSignal.timeout(5_000),
      });
      if (response.status === 201) return;
    } catch {
      // the shop is being restarted, or was killed while it worked on this order
    }
    await pause(100);
  }
  throw new Error('the shop did not take an order for 20 seconds');
};
