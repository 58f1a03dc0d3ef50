import { serve } from '@hono/node-server';
import { Hono } from 'hono';

/** What `--faults` plants in the orders: each total is refused by the bank in its own way, until it is repaired. */
export const faultyTotals = { stolen: 13, deadly: 101 } as const;

/** The card network of `--faults`: it fails at random, is away for a while, and refuses some cards for good. */
export interface Bank {
  readonly url: string;
  /** How often it has answered how: without each of them the run has shown nothing. */
  readonly answers: Readonly<Record<'taken' | 'failed' | 'away' | 'refused' | 'deadly', number>>;
  /** Answers nothing but 503 for so long. */
  goAway(forMs: number): void;
  /** From now on it takes every card. */
  repair(): void;
  close(): Promise<void>;
}

const failureShare = 0.03;
const statuses = { taken: 200, failed: 500, away: 503, refused: 402, deadly: 422 } as const;

export const startBank = (port: number, random: () => number): Promise<Bank> => {
  let backAt = 0;
  let repaired = false;

  const answers = { taken: 0, failed: 0, away: 0, refused: 0, deadly: 0 };
  const answerTo = (total: number): keyof typeof answers => {
    if (performance.now() < backAt) return 'away';
    if (!repaired && total === faultyTotals.stolen) return 'refused';
    if (!repaired && total === faultyTotals.deadly) return 'deadly';
    return !repaired && random() < failureShare ? 'failed' : 'taken';
  };
  const app = new Hono();
  app.post('/charges', async (context) => {
    const { total } = await context.req.json<{ total: number }>();
    const answer = answerTo(total);
    answers[answer]++;
    return context.body(null, statuses[answer]);
  });
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () =>
      resolve({
        url: `http://127.0.0.1:${port}`,
        answers,
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
