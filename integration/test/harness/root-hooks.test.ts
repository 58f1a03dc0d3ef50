import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { eventually, sharedPostgres, spawnChild } from '../../harness/index.ts';

const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
const integration = new URL('../../', import.meta.url);

/** Runs Mocha as in this folder, on one file of `runs/`. */
const runOf = (name: string, env: Record<string, string>): Promise<{ passed: boolean; output: string }> =>
  new Promise((resolve) => {
    const file = fileURLToPath(new URL(`runs/${name}.ts`, import.meta.url));
    const options = { cwd: integration, env: { ...process.env, ...env }, timeout: 15_000 };
    execFile(process.execPath, [mocha, file], options, (error, stdout, stderr) =>
      resolve({ passed: error === null, output: stdout + stderr }),
    );
  });

describe('a run with the root hooks', () => {
  let env: Record<string, string>;

  before(async () => {
    env = { HOLDFAST_POSTGRES_URL: (await sharedPostgres()).url };
  });

  it('says at the start which way each server runs, and its version', async () => {
    const { passed, output } = await runOf('quiet', env);
    assert.match(output, /^Postgres \d+(\.\d+)?: environment$/m);
    assert.ok(passed, output);
  });

  for (const [name, reason] of [
    ['unhandled-rejection', 'left behind'],
    ['uncaught-exception', 'thrown late'],
    ['max-listeners', 'MaxListenersExceededWarning'],
    ['timeout-overflow', 'TimeoutOverflowWarning'],
    ['timeout-negative', 'TimeoutNegativeWarning'],
    ['child-left', 'nobody ended echo.ts'],
  ] as const) {
    it(`fails on ${name}`, async () => {
      const { passed, output } = await runOf(name, env);
      assert.match(output, new RegExp(`outside of the tests: .*${reason}`, 's'));
      assert.equal(passed, false, output);
    });
  }

  it('removes the databases that it leaves on a server that stays', async () => {
    const { passed, output } = await runOf('database-left', env);
    assert.ok(passed, output);
    const url = /"url":"(.*?)"/.exec(output)?.[1] ?? '';
    await assert.rejects(new Client({ connectionString: url }).connect(), { code: '3D000' });
  });

  it('ends when it is killed while a test hangs', async () => {
    const config = fileURLToPath(new URL('.mocharc.json', integration));
    const hanging = fileURLToPath(new URL('runs/hangs.ts', import.meta.url));
    const launcher = spawnChild(pathToFileURL(mocha), ['--config', config, hanging], env);
    const { pid } = await launcher.saw((line) => 'pid' in line);
    launcher.signal('SIGTERM');
    await eventually(() => assert.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' }));
    await launcher.ended;
  });

  it('fails with what to do when Docker is demanded and there is none', async () => {
    const nowhere = {
      HOLDFAST_POSTGRES_URL: '',
      HOLDFAST_SERVERS: 'docker',
      HOLDFAST_POSTGRES_IMAGE: 'holdfast/absent:0',
    };
    const { passed, output } = await runOf('quiet', nowhere);
    assert.match(output, /HOLDFAST_SERVERS=docker, but Docker has no Postgres for us \(.*unset HOLDFAST_SERVERS/s);
    assert.equal(passed, false);
  });
});
