import { runCommand } from './run-command.ts';

/**
 * `npm run check` runs every part, `npm run check -- lint imports` some of them.
 * Prints a line per part, then what the failed ones said; exits 1 if one failed.
 */
const parts: Readonly<Record<string, readonly [string, ...string[]]>> = {
  shipped: ['node', 'scripts/check-shipped.ts'],
  types: ['tsc', '-p', 'tsconfig.json'],
  declarations: ['turbo', 'run', 'check', '--continue', '--output-logs=errors-only'],
  lint: ['biome', 'check', '--error-on-warnings', '--diagnostic-level=warn'],
  imports: ['oxlint', '--deny-warnings'],
  layers: ['node', 'scripts/check-manifests.ts'],
  unused: ['knip', '--no-config-hints'],
};

/** Two parts at a time: the slowest one is listed first and runs beside the others. */
const lanes = 2;

const failures: string[] = [];

const runPart = async (name: string): Promise<void> => {
  const command = parts[name];
  if (command === undefined) throw new Error(`no part '${name}'; the parts are ${Object.keys(parts).join(', ')}`);
  const started = performance.now();
  const { ok, output } = await runCommand(command);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  if (!ok) failures.push(`\n── ${name}: ${command.join(' ')}\n${output.trim()}`);
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts);
const queue = chosen.values();
await Promise.all(
  Array.from({ length: lanes }, async () => {
    for (const name of queue) await runPart(name);
  }),
);
for (const failure of failures) console.log(failure);
if (failures.length > 0) process.exitCode = 1;
