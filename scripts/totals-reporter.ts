import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { fatalWarnings } from '../integration/harness/fatal-warnings.ts';

/** How long the process may live on after its last test before it is taken to hang. */
const graceMs = 20_000;

/**
 * Mocha's `spec` reporter, which also writes the run's totals as JSON to the file that `HOLDFAST_TOTALS` names.
 * A warning that means a leak counts as a failure. A run that does not end by itself afterwards, because something was
 * left open, is ended as failed.
 */
export default function TotalsReporter(runner: Mocha.Runner, options: Mocha.MochaOptions): void {
  new Mocha.reporters.Spec(runner, options);
  let leaks = 0;
  process.on('warning', ({ name }) => {
    if (fatalWarnings.has(name)) leaks++;
  });
  runner.once('end', () => {
    const { passes = 0, failures = 0, pending = 0 } = runner.stats ?? {};
    const file = process.env.HOLDFAST_TOTALS;
    if (file) writeFileSync(file, JSON.stringify({ passed: passes, failed: failures + leaks, skipped: pending }));
    setTimeout(endAsFailed, graceMs).unref();
  });
}

/** Mocha sets the exit code in an `exit` listener of its own; a later listener has the last word. */
const endAsFailed = (): void => {
  console.error(`still running ${graceMs} ms after the last test: ${process.getActiveResourcesInfo().join(', ')}`);
  process.on('exit', () => {
    process.exitCode = 1;
  });
  process.exit();
};
