import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { fatalWarnings } from '../integration/harness/fatal-warnings.ts';
import type { Totals } from './totals.ts';

/** How long the process may live on after its last test before it is taken to hang. */
const graceMs = 20_000;

/**
 * Mocha's `spec` reporter, which also writes the run's totals as JSON to the file that `HOLDFAST_TOTALS` names.
 * A warning that means a leak counts as a failure. Tests that passed only when they were tried again are named.
 * A run that does not end by itself afterwards, because something was left open, is ended as failed; not so where an
 * attempt of a test failed, which may have left it open. When nothing is open any more the process is ended at once: left
 * to itself, Node 24 was seen to wait for ever, at full load, for a request that had no handle any more.
 */
export default function TotalsReporter(runner: Mocha.Runner, options: Mocha.MochaOptions): void {
  new Mocha.reporters.Spec(runner, options);
  const failures: string[] = [];
  process.once('beforeExit', () => process.exit());
  const retried: string[] = [];
  runner.on('retry', (test, error) => retried.push(`${test.fullTitle()}: ${firstLine(error.message)}`));
  runner.on('fail', (test, error) => failures.push(`${test.fullTitle()}: ${firstLine(error.message)}`));
  process.on('warning', ({ name, message }) => {
    if (fatalWarnings.has(name)) failures.push(`${name}: ${firstLine(message)}`);
  });
  runner.once('end', () => {
    const { passes: passed = 0, pending: skipped = 0 } = runner.stats ?? {};
    const totals: Totals = { passed, failed: failures.length, skipped, failures };
    const file = process.env.HOLDFAST_TOTALS;
    if (file) writeFileSync(file, JSON.stringify(totals));
    for (const attempt of retried) console.log(`TRIED AGAIN ${attempt}`);
    setTimeout(() => end(failures.length + retried.length === 0), graceMs).unref();
  });
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** Mocha sets the exit code in an `exit` listener of its own; a later listener has the last word. */
const end = (asFailed: boolean): void => {
  console.error(`still running ${graceMs} ms after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
  if (asFailed) {
    process.on('exit', () => {
      process.exitCode = 1;
    });
  }
  process.exit();
};
