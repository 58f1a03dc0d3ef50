import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideBrokers } from '../integration/brokers/install/provide-brokers.ts';
import { sumTotals, type Totals, totalsLine } from './totals.ts';
import { root } from './workspaces.ts';

/**
 * `npm test` runs the packages' unit tests, then the integration tests, and ends with what failed and the line of totals.
 * `npm run test:unit` and `npm run test:integration` run one of them. Arguments go to mocha: `npm test -- --grep lease`.
 * Before the integration tests it installs the brokers, as `npm run brokers` does, where it may and they cannot be had otherwise.
 * Exits 1 if a test failed, a run broke, or not one test ran.
 */
const runs = {
  unit: { cwd: root, config: '.mocharc.json', spec: 'packages/*/test/**/*.test.ts' },
  integration: { cwd: join(root, 'integration'), config: '.mocharc.json', spec: 'test/**/*.test.ts' },
} as const;

type Run = keyof typeof runs;

const isRun = (word: string | undefined): word is Run => word !== undefined && Object.hasOwn(runs, word);

const exitCodeOf = (run: Run, args: readonly string[], totalsFile: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { cwd, config, spec } = runs[run];
    const reporter = join(import.meta.dirname, 'totals-reporter.ts');
    spawn('mocha', ['--config', config, '--reporter', reporter, spec, ...args], {
      cwd,
      stdio: 'inherit',
      env: { ...process.env, HOLDFAST_TOTALS: totalsFile },
    })
      .on('error', reject)
      .on('close', (code) => resolve(code ?? 1));
  });

const withFailure = (totals: Totals, what: string): Totals =>
  sumTotals([totals, { passed: 0, failed: 1, skipped: 0, failures: [what] }]);

/** A run that broke without saying so in its totals counts as one failure. */
const totalsOf = async (run: Run, args: readonly string[]): Promise<Totals> => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  const file = join(folder, 'totals.json');
  try {
    console.log(`── ${run} tests`);
    if (run === 'integration') await provideBrokers(console.log);
    const code = await exitCodeOf(run, args, file);
    const totals = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Totals) : sumTotals([]);
    return code !== 0 && totals.failed === 0 ? withFailure(totals, `${run} tests: exit code ${code}`) : totals;
  } catch (error) {
    return withFailure(sumTotals([]), `${run} tests: ${error instanceof Error ? error.message : error}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const [first, ...rest] = process.argv.slice(2);
const chosen: readonly Run[] = isRun(first) ? [first] : ['unit', 'integration'];
const args = isRun(first) || first === undefined ? rest : [first, ...rest];
const all: Totals[] = [];
for (const run of chosen) all.push(await totalsOf(run, args));
const totals = sumTotals(all);
if (totals.passed + totals.failed === 0) console.error('not one test ran');
for (const failure of totals.failures) console.log(`FAILED ${failure}`);
console.log(totalsLine(totals));
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
