import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  armTriggerPoints,
  consoleLog,
  createRuntime,
  diagnosticsMeter,
  InvalidOptionError,
  type Runtime,
  reach,
  silentLog,
  systemRuntime,
} from '@holdfast/core';

describe('a runtime', () => {
  it('is the system with some of its parts replaced', () => {
    const runtime = createRuntime({ log: silentLog });
    assert.deepEqual(runtime, { ...systemRuntime, log: silentLog });
  });

  it('refuses by name a part that lacks a method', () => {
    for (const parts of [{ log: {} }, { clock: { now: () => 0 } }, { meter: null }]) {
      const [part] = Object.keys(parts);
      assert.throws(
        () => createRuntime(parts as unknown as Partial<Runtime>),
        (error) => error instanceof InvalidOptionError && error.option === `runtime.${part}`,
      );
    }
  });

  it('makes ids that sort as they were made', () => {
    const { ids } = createRuntime();
    const made = Array.from({ length: 1_000 }, () => ids());
    assert.deepEqual([...made].sort(), made);
    assert.equal(new Set(made).size, made.length);
  });
});

describe('diagnosticsMeter', () => {
  it('publishes every measurement on holdfast:metric', () => {
    const seen: unknown[] = [];
    const listen = (metric: unknown): void => {
      seen.push(metric);
    };
    diagnosticsMeter.count('before', 1);
    subscribe('holdfast:metric', listen);
    diagnosticsMeter.count('a', 2, { group: 'billing' });
    diagnosticsMeter.gauge('b', 3);
    diagnosticsMeter.record('c', 4);
    unsubscribe('holdfast:metric', listen);
    assert.deepEqual(seen, [
      { kind: 'count', name: 'a', value: 2, attributes: { group: 'billing' } },
      { kind: 'gauge', name: 'b', value: 3, attributes: {} },
      { kind: 'record', name: 'c', value: 4, attributes: {} },
    ]);
  });
});

describe('consoleLog', () => {
  const linesOf = (log: () => void): readonly unknown[] => {
    const { write } = process.stderr;
    const lines: string[] = [];
    process.stderr.write = (line: unknown) => lines.push(String(line)) > 0;
    try {
      log();
    } finally {
      process.stderr.write = write;
    }
    return lines.map((line) => JSON.parse(line));
  };

  it('writes warnings and errors as one line of JSON each, and nothing else', () => {
    const lines = linesOf(() => {
      consoleLog.debug({}, 'no');
      consoleLog.info({}, 'no');
      consoleLog.warn({ group: 'billing', lag: 5n }, 'behind');
      consoleLog.error(
        { error: Object.assign(new TypeError('x'.repeat(600)), { code: 'E1', body: 'secret' }) },
        'died',
      );
    });
    assert.partialDeepStrictEqual(lines, [
      { level: 'warn', group: 'billing', lag: '5', message: 'behind' },
      { level: 'error', error: { name: 'TypeError', code: 'E1', message: 'x'.repeat(500) }, message: 'died' },
    ]);
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
  });

  it('writes fields that hold themselves', () => {
    const circular: { self?: unknown } = {};
    circular.self = circular;
    assert.partialDeepStrictEqual(
      linesOf(() => consoleLog.warn(circular, 'round')),
      [{ level: 'warn', message: 'round' }],
    );
  });
});

describe('a trigger point', () => {
  it('does what a test armed it with, until it is disarmed', async () => {
    const hits: string[] = [];
    assert.equal(reach('lease.beforeRenew'), undefined);
    const disarm = armTriggerPoints({ 'lease.beforeRenew': async () => void hits.push('renew') });
    await reach('lease.beforeRenew');
    await reach('consumer.afterEffect.beforeAck');
    disarm();
    await reach('lease.beforeRenew');
    assert.deepEqual(hits, ['renew']);
  });
});
