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
 * The integration tests mostly wait, so what needs a broker runs beside the rest, and is printed after it.
 * Before the integration tests it installs the brokers, as `npm run brokers` does, where it may and they cannot be had otherwise.
 * Exits 1 if a test failed, a run broke, or not one test ran.
 */
const brokerTests = [
  'test/transport-{kafka,rabbitmq,redis}/**/*.test.ts',
  'test/conformance/{kafka,rabbitmq,redis}*.test.ts',
  'test/{adopted,docs,idempotency}/**/*.test.ts',
  'test/harness/own-brokers.test.ts',
  'test/crash/over-brokers.test.ts',
];

/** A process of mocha. */
interface Part {
  readonly cwd: string;
  readonly args: readonly string[];
}

const integration = join(root, 'integration');
const runs = {
  unit: [{ cwd: root, args: ['packages/*/test/**/*.test.ts'] }],
  integration: [
    { cwd: integration, args: ['test/**/*.test.ts', ...brokerTests.flatMap((spec) => ['--ignore', spec])] },
    { cwd: integration, args: brokerTests },
  ],
} as const satisfies Record<string, readonly Part[]>;

type Run = keyof typeof runs;

const isRun = (word: string | undefined): word is Run => word !== undefined && Object.hasOwn(runs, word);

/** The first part of a run prints as it goes, the others when those before them have ended. */
const exitCodeOf = (
  part: Part,
  args: readonly string[],
  totalsFile: string,
  before: Promise<unknown>,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const reporter = join(import.meta.dirname, 'totals-reporter.ts');
    const printed: Buffer[] = [];
    let mayPrint = false;
    const print = (chunk: Buffer): void => void (mayPrint ? process.stdout.write(chunk) : printed.push(chunk));
    const printOn = (): void => {
      mayPrint = true;
      for (const chunk of printed.splice(0)) process.stdout.write(chunk);
    };
    before.then(printOn, printOn);
    const mocha = spawn('mocha', ['--config', '.mocharc.json', '--reporter', reporter, ...part.args, ...args], {
      cwd: part.cwd,
      stdio: ['inherit', 'pipe', 'pipe'],
      env: { ...process.env, HOLDFAST_TOTALS: totalsFile },
    });
    mocha.stdout.on('data', print);
    mocha.stderr.on('data', print);
    mocha.on('error', reject).on('close', (code) => resolve(code ?? 1));
  });

const withFailure = (totals: Totals, what: string): Totals =>
  sumTotals([totals, { passed: 0, failed: 1, skipped: 0, failures: [what] }]);

/** A run that broke without saying so in its totals counts as one failure. */
const totalsOf = async (run: Run, args: readonly string[]): Promise<Totals> => {
  try {
    console.log(`── ${run} tests`);
    if (run === 'integration') await provideBrokers(console.log);
    let before: Promise<unknown> = Promise.resolve();
    const parts = runs[run].map((part) => {
      const totals = partTotals(run, part, args, before);
      before = Promise.all([before, totals]);
      return totals;
    });
    return sumTotals(await Promise.all(parts));
  } catch (error) {
    return withFailure(sumTotals([]), `${run} tests: ${error instanceof Error ? error.message : error}`);
  }
};

const partTotals = async (run: Run, part: Part, args: readonly string[], before: Promise<unknown>): Promise<Totals> => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  const file = join(folder, 'totals.json');
  try {
    const code = await exitCodeOf(part, args, file, before);
    const totals = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Totals) : sumTotals([]);
    return code !== 0 && totals.failed === 0 ? withFailure(totals, `${run} tests: exit code ${code}`) : totals;
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
