import assert from 'node:assert/strict';
import { Client } from 'pg';
import { type Child, eventually, spawnChild } from '../../harness/index.ts';

const echo = new URL('children/echo.ts', import.meta.url);

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const canConnect = async (url: string): Promise<boolean> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
};

describe('a child process', () => {
  const children: Child[] = [];
  const start = (module: URL, ...rest: [args?: readonly string[], env?: Record<string, string>]): Child => {
    const child = spawnChild(module, ...rest);
    children.push(child);
    return child;
  };

  afterEach(() => Promise.all(children.splice(0).map((child) => child.close())));

  it('is given arguments and environment, hears and answers', async () => {
    const child = start(echo, ['one', 'two'], { GREETING: 'hello' });
    const { args, greeting } = await child.saw({ ready: true });
    assert.deepEqual({ args, greeting }, { args: ['one', 'two'], greeting: 'hello' });
    child.tell({ n: 1 });
    assert.deepEqual(await child.saw((line) => 'told' in line), { told: { n: 1 } });
    await eventually(() =>
      assert.deepEqual(child.output.split('\n').sort(), ['', 'a word on standard error', 'no JSON']),
    );
  });

  it('says how it ended', async () => {
    const child = start(echo);
    await child.saw({ ready: true });
    child.signal('SIGTERM');
    assert.deepEqual(await child.ended, { code: null, signal: 'SIGTERM' });
  });

  it('dies although it is stopped', async () => {
    const child = start(echo);
    await child.saw({ ready: true });
    child.signal('SIGSTOP');
    assert.deepEqual(await child.close(), { code: null, signal: 'SIGKILL' });
    assert.equal(isAlive(child.pid), false);
  });

  it('that ends early fails who waits for it, with its output', async () => {
    const child = start(new URL('children/is-missing.ts', import.meta.url));
    await assert.rejects(child.saw({ ready: true }), /is-missing.*ended and never said.*ready.*ERR_MODULE_NOT_FOUND/s);
  });

  it('that says nothing fails who waits for it, after a time', async () => {
    const child = start(echo);
    await assert.rejects(child.saw({ never: true }, 50), /ran for 50 ms and never said \{"never":true\}/);
  });

  it('ends on a warning that would fail a run', async () => {
    const child = start(new URL('children/warns.ts', import.meta.url));
    assert.equal((await child.ended).code, 1);
    assert.match(child.output, /TimeoutOverflowWarning/);
  });

  it('does not outlive its parent, and neither does a server, when the parent is killed', async () => {
    const parent = start(new URL('children/parent.ts', import.meta.url));
    const { url, pid } = await parent.saw((line) => 'url' in line);
    assert.ok(isAlive(Number(pid)) && (await canConnect(String(url))));
    parent.signal('SIGKILL');
    await parent.ended;
    const isGone = async (): Promise<void> => {
      assert.equal(isAlive(Number(pid)), false);
      assert.equal(await canConnect(String(url)), false);
    };
    await eventually(isGone, { timeoutMs: 30_000 });
  }).timeout(60_000);
});
