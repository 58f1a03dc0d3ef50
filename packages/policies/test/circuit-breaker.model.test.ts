import assert from 'node:assert/strict';
import { createVirtualClock, type VirtualClock } from '@holdfast/core';
import { type CircuitBreaker, circuitBreaker } from '@holdfast/policies';
import fc from 'fast-check';

const [failures, openForMs, trials, rampMs] = [3, 100, 2, 200] as const;
const { signal } = new AbortController();

/** What the breaker should be, in the plainest way. */
interface Model {
  nowMs: number;
  name: 'closed' | 'open' | 'half-open' | 'ramping';
  sinceMs: number;
  inRow: number;
  opened: number;
  succeeded: number;
  /** Shares of the ramp so far: none is smaller than the one before. */
  lastShare: number;
  running: Map<number, { readonly opened: number; readonly trial: boolean }>;
}

interface Real {
  readonly clock: VirtualClock;
  readonly breaker: CircuitBreaker;
  wallMs: number;
  readonly runs: Map<number, { readonly end: (error?: Error) => void; readonly ended: Promise<unknown> }>;
}

const openTrials = (model: Model): number =>
  [...model.running.values()].filter(({ opened, trial }) => trial && opened === model.opened).length;

const pass = (model: Model): void => {
  if (model.name === 'open' && model.nowMs >= model.sinceMs + openForMs) {
    Object.assign(model, { name: 'half-open', succeeded: 0 });
  }
  if (model.name === 'ramping' && model.nowMs >= model.sinceMs + rampMs) model.name = 'closed';
};

const open = (model: Model): void => {
  Object.assign(model, { name: 'open', sinceMs: model.nowMs, inRow: 0, opened: model.opened + 1 });
};

const check = (model: Model, { breaker }: Real): void => {
  pass(model);
  const { state } = breaker;
  assert.equal(state.name, model.name);
  if (state.name === 'open') assert.equal(state.retryAfterMs, model.sinceMs + openForMs - model.nowMs);
  if (state.name === 'half-open') assert.equal(state.running, openTrials(model));
  if (state.name !== 'ramping') return;
  assert.ok(state.share >= model.lastShare && state.share <= 1);
  model.lastShare = state.share;
};

let ids = 0;

class Begin implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    pass(model);
    const id = ids++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let ran = false;
    const ended = real
      .breaker(() => {
        ran = true;
        return promise;
      }, signal)
      .catch((error: unknown) => error);
    await real.clock.advance(0);
    if (model.name === 'open') assert.equal(ran, false);
    if (model.name === 'closed') assert.equal(ran, true);
    if (model.name === 'half-open') assert.equal(ran, openTrials(model) + model.succeeded < trials);
    if (!ran) assert.equal(((await ended) as { code?: string }).code, 'circuit_open');
    else {
      model.running.set(id, { opened: model.opened, trial: model.name === 'half-open' });
      real.runs.set(id, { end: (error) => (error === undefined ? resolve() : reject(error)), ended });
    }
    check(model, real);
  }
  toString = (): string => 'begin';
}

class End implements fc.AsyncCommand<Model, Real> {
  readonly which: number;
  readonly fails: boolean;
  constructor(which: number, fails: boolean) {
    this.which = which;
    this.fails = fails;
  }
  check = (model: Model): boolean => model.running.size > 0;
  async run(model: Model, real: Real): Promise<void> {
    pass(model);
    const [id, run] = [...model.running][this.which % model.running.size] ?? [];
    if (id === undefined || run === undefined) return;
    model.running.delete(id);
    const live = real.runs.get(id);
    live?.end(this.fails ? new Error('down') : undefined);
    await live?.ended;
    if (run.opened === model.opened) this.judge(model);
    check(model, real);
  }
  judge(model: Model): void {
    if (model.name === 'half-open') {
      if (this.fails) open(model);
      else if (++model.succeeded === trials)
        Object.assign(model, { name: 'ramping', sinceMs: model.nowMs, lastShare: 0 });
      return;
    }
    model.inRow = this.fails ? model.inRow + 1 : 0;
    if (model.inRow >= failures) open(model);
  }
  toString = (): string => `end(${this.which}, ${this.fails ? 'failure' : 'success'})`;
}

class Tick implements fc.AsyncCommand<Model, Real> {
  readonly byMs: number;
  constructor(byMs: number) {
    this.byMs = byMs;
  }
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    await real.clock.advance(this.byMs);
    model.nowMs += this.byMs;
    check(model, real);
  }
  toString = (): string => `tick(${this.byMs})`;
}

/** The wall clock is set back; only the monotonic one may count. */
class SetBack implements fc.AsyncCommand<Model, Real> {
  check = (): boolean => true;
  async run(model: Model, real: Real): Promise<void> {
    real.wallMs -= 10_000;
    check(model, real);
  }
  toString = (): string => 'set the wall clock back';
}

describe('circuitBreaker', () => {
  it('PB2: stands where its model does after any sequence of calls, ends, time and clocks set back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.commands(
          [
            fc.constant(new Begin()),
            fc.tuple(fc.nat(20), fc.boolean()).map(([which, fails]) => new End(which, fails)),
            fc.nat(20).map((which) => new End(which, true)),
            fc.integer({ min: 1, max: 120 }).map((byMs) => new Tick(byMs)),
            fc.constant(new SetBack()),
          ],
          { maxCommands: 80 },
        ),
        async (commands) => {
          const clock = createVirtualClock();
          const real: Real = {
            clock,
            wallMs: 0,
            runs: new Map(),
            breaker: circuitBreaker({
              failures,
              openForMs,
              trials,
              rampMs,
              runtime: { clock: { ...clock, now: () => real.wallMs } },
            }),
          };
          const model: Model = {
            nowMs: 0,
            name: 'closed',
            sinceMs: 0,
            inRow: 0,
            opened: 0,
            succeeded: 0,
            lastShare: 0,
            running: new Map(),
          };
          await fc.asyncModelRun(() => ({ model, real }), commands);
        },
      ),
      { numRuns: 150 },
    );
  });
});
