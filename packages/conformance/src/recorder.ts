import { createRuntime, type Metric, type Runtime } from '@holdfast/core';

export interface LogEntry {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

/** A runtime that keeps what an adapter says, in order to check that it says it. */
export interface Recorder {
  readonly runtime: Runtime;
  readonly logs: readonly LogEntry[];
  readonly metrics: readonly Metric[];
  /** The last value of each. */
  readonly gauges: ReadonlyMap<string, number>;
  clear(): void;
}

export const createRecorder = (): Recorder => {
  const logs: LogEntry[] = [];
  const metrics: Metric[] = [];
  const gauges = new Map<string, number>();
  const log =
    (level: LogEntry['level']) =>
    (fields: object, message: string): void => {
      logs.push({ level, fields, message });
    };
  const measure =
    (kind: Metric['kind']) =>
    (name: string, value: number, attributes: Metric['attributes'] = {}): void => {
      if (kind === 'gauge') gauges.set(name, value);
      if (kind === 'count') metrics.push({ kind, name, value, attributes });
    };
  return {
    runtime: createRuntime({
      log: { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') },
      meter: { count: measure('count'), gauge: measure('gauge'), record: measure('record') },
    }),
    logs,
    metrics,
    gauges,
    clear: () => {
      logs.length = 0;
      metrics.length = 0;
      gauges.clear();
    },
  };
};
