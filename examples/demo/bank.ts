import { serve } from '@hono/node-server';
import { Hono } from 'hono';

/** What `--faults` plants in the orders: each total is refused by the bank in its own way, until it is repaired. */
export const faultyTotals = { stolen: 13, deadly: 101 } as const;

/** The card network of `--faults`: it fails at random, is away for a while, and refuses some cards for good. */
export interface Bank {
  readonly url: string;
  /** Answers nothing but 503 for so long. */
  goAway(forMs: number): void;
  /** From now on it takes every card. */
  repair(): void;
  close(): Promise<void>;
}

const failureShare = 0.03;

export const startBank = (port: number, random: () => number): Promise<Bank> => {
  let backAt = 0;
  let repaired = false;

  const statusOf = (total: number): 200 | 402 | 422 | 500 | 503 => {
    if (performance.now() < backAt) return 503;
    if (repaired) return 200;
    if (total === faultyTotals.stolen) return 402;
    if (total === faultyTotals.deadly) return 422;
    return random() < failureShare ? 500 : 200;
  };
  const app = new Hono();
  app.post('/charges', async (context) => {
    const { total } = await context.req.json<{ total: number }>();
    return context.body(null, statusOf(total));
  });
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () =>
      resolve({
        url: `http://127.0.0.1:${port}`,
        goAway: (forMs) => {
          backAt = performance.now() + forMs;
        },
        repair: () => {
          repaired = true;
        },
        close: () => new Promise((closed) => server.close(() => closed())),
      }),
    );
  });
};
