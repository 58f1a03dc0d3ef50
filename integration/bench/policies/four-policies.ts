import { bulkhead, circuitBreaker, combine, exponential, retry, timeout } from '@holdfast/policies';
import * as cockatiel from 'cockatiel';
import { type Benchmark, interleaved } from '../harness/benchmark.ts';
import { bestNanos } from './best-nanos.ts';

const noOp = async (): Promise<void> => {};

export const fourPolicies: Benchmark = {
  row: 50,
  group: 'policies',
  ours: 'retry, circuit breaker, timeout and bulkhead around a no-op, success path',
  beside: 'cockatiel’s same four',
  explains:
    'What a call costs that succeeds at once, the no-op and the awaiting of it included. Both have five failures in a row, ' +
    'five seconds, sixteen slots and a queue of sixteen, and the caller’s signal. Shown is the fastest batch of each round.',
  measures: [
    { name: 'times as fast as cockatiel', unit: 'calls/s', compare: 'ratio', bound: 'at least', gate: 10, goal: 30 },
    { name: 'per call', unit: 'ns', compare: 'alone', bound: 'at most', gate: 600, goal: 300 },
  ],
  rounds: [9, 3],
  open: async (scene) => {
    const batches = scene.size(20, 10);
    const { signal } = new AbortController();
    const mine = combine(
      retry({ attempts: 3, backoff: exponential({ baseMs: 100, maxMs: 5_000 }) }),
      circuitBreaker({ failures: 5, openForMs: 10_000 }),
      timeout({ timeoutMs: 5_000 }),
      bulkhead({ slots: 16, queue: 16 }),
    );
    const theirs = cockatiel.wrap(
      cockatiel.retry(cockatiel.handleAll, { maxAttempts: 3, backoff: new cockatiel.ExponentialBackoff() }),
      cockatiel.circuitBreaker(cockatiel.handleAll, {
        halfOpenAfter: 10_000,
        breaker: new cockatiel.ConsecutiveBreaker(5),
      }),
      cockatiel.timeout(5_000, cockatiel.TimeoutStrategy.Cooperative),
      cockatiel.bulkhead(16, 16),
    );
    const ours = async (): Promise<readonly number[]> => {
      const nanos = await bestNanos(10_000, batches, () => mine(noOp, signal));
      return [1e9 / nanos, nanos];
    };
    const beside = async (): Promise<readonly number[]> => {
      const nanos = await bestNanos(1_000, batches, () => theirs.execute(noOp, signal));
      return [1e9 / nanos, nanos];
    };
    return { round: interleaved(ours, beside), close: async () => {} };
  },
};
