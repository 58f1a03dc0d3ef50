import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { whyNotInstall } from '../../brokers/install/install-brokers.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

describe('npm run brokers', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-install-'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  /** As on a machine on which nothing is installed. */
  const runBare = (command: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    spawnSync(process.execPath, ['--conditions=source', ...command], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: folder, XDG_CACHE_HOME: folder, HOME: folder, ...env },
    });

  it('says what to install where there is no apt, and how', () => {
    const { status, stderr } = runBare(['scripts/brokers.ts']);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /no apt-get to install .*default-jre-headless, maven.*\. On Debian and Ubuntu: sudo apt-get install/,
    );
  });

  it('is named by a run of the tests that can have no servers, which fails before it runs any', () => {
    const { status, stdout } = runBare(['scripts/test.ts', 'integration'], { HOLDFAST_SERVERS: 'local' });
    assert.match(stdout, /^FAILED integration tests: .*run npm run brokers/m);
    assert.match(stdout, /0 passed, 1 failed\n$/);
    assert.equal(status, 1);
  });

  it('is named by a test that cannot have its server', () => {
    const { stderr } = runBare(['integration/test/harness/runs/no-kafka.ts'], {
      HOLDFAST_SERVERS: 'local',
    });
    assert.match(stderr, /Kafka cannot be had as a local process: there is no java\. Run npm run brokers/);
  });

  it('needs root for packages, and nobody for the rest', () => {
    assert.equal(whyNotInstall({ packages: [], kafka: true }), undefined);
  });
});
