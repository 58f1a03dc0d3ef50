import { type Clock, systemClock } from './clock.ts';
import { InvalidOptionError } from './errors.ts';
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

/** The system's runtime with some of its parts replaced. Throws `invalid_option` for a part that lacks a method. */
export const createRuntime = (parts: Partial<Runtime> = {}): Runtime => {
  const runtime = { ...systemRuntime, ...parts };
  for (const [part, methods] of Object.entries(methodsOf)) checkPart(part, methods, runtime[part as keyof Runtime]);
  return runtime;
};

/** What would otherwise be found missing when it is first needed, often in the middle of a failure. */
const methodsOf: Readonly<Partial<Record<keyof Runtime, readonly string[]>>> = {
  clock: ['now', 'monotonic', 'after'],
  log: ['debug', 'info', 'warn', 'error'],
  meter: ['count', 'gauge'],
};

const checkPart = (part: string, methods: readonly string[], found: object): void => {
  const missing = methods.find((method) => typeof (found as Record<string, unknown> | null)?.[method] !== 'function');
  if (missing === undefined) return;
  throw new InvalidOptionError(
    `runtime.${part}`,
    `found none with a method '${missing}'; it has ${methods.join(', ')}`,
  );
};
