import { type Clock, systemClock } from './clock.ts';
import { consoleLog, type Log } from './log.ts';
import { diagnosticsMeter, type Meter } from './meter.ts';
import { uuidV7 } from './uuid-v7.ts';

/** A unit of work that a tracer may record. */
export interface Span {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Everything that is not a function of its arguments. Injected, so that a whole system runs in virtual time with a seed. */
export interface Runtime {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A new unique id. Default: UUID version 7, so that ids made later sort later. */
  readonly ids: () => string;
  readonly log: Log;
  readonly meter: Meter;
  trace<T>(span: Span, run: () => Promise<T>): Promise<T>;
}

/** The real one: system clock, `Math.random`, UUIDs, warnings and errors to standard error, metrics on `diagnostics_channel`. */
export const systemRuntime: Runtime = {
  clock: systemClock,
  random: Math.random,
  ids: () => uuidV7(systemClock.now()),
  log: consoleLog,
  meter: diagnosticsMeter,
  trace: (_span, run) => run(),
};

/** The system's runtime with some of its parts replaced. */
export const createRuntime = (parts: Partial<Runtime> = {}): Runtime => ({ ...systemRuntime, ...parts });
