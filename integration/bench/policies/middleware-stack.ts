import { compose, type Delivery, type Handler, type Middleware } from '@holdfast/core';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { bestNanos } from './best-nanos.ts';

const handler: Handler = async () => {};

const delivery: Delivery = {
  message: { id: 'm1', type: 'order.placed', headers: {}, body: new Uint8Array() },
  topic: 'orders',
  partition: 0,
  position: '0',
  group: 'bench',
  attempt: 1,
  token: 't1',
  signal: new AbortController().signal,
};

export const middlewareStack: Benchmark = {
  row: 51,
  group: 'policies',
  ours: 'five middleware around a no-op handler',
  beside: 'the bare handler',
  explains:
    'What composing costs: each middleware counts the delivery and hands it on. One that awaits what is inside of it costs a ' +
    'promise more. Shown is the fastest batch of each round.',
  measures: [
    { name: 'times as slow as the bare call', unit: 'ns', compare: 'ratio', bound: 'at most', gate: 6, goal: 2 },
  ],
  rounds: [9, 3],
  open: async (scene) => {
    const batches = scene.size(20, 10);
    let counted = 0;
    const counting: Middleware = (next) => (given) => {
      counted++;
      return next(given);
    };
    const stack = compose(counting, counting, counting, counting, counting)(handler);
    return {
      round: interleaved(
        async () => [await bestNanos(10_000, batches, () => stack(delivery))],
        async () => [await bestNanos(10_000, batches, () => handler(delivery))],
      ),
      close: async () => {
        if (counted % 5 !== 0) throw new Error('a middleware was passed over');
      },
    };
  },
};
