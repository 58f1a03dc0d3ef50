import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freshDatabase } from '../../harness/index.ts';

const root = new URL('../../../', import.meta.url);
const examples = readdirSync(new URL('examples/', root)).filter((name) => /^\d\d-.*\.ts$/.test(name));

describe('the examples', () => {
  for (const name of examples) {
    it(`${name} prints what ${name.replace(/ts$/, 'out')} says`, async () => {
      const database = await freshDatabase();
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--conditions=source', fileURLToPath(new URL(`examples/${name}`, root))],
        { env: { ...process.env, DATABASE_URL: database.url }, timeout: 15_000 },
      );
      assert.equal(stdout, readFileSync(new URL(`examples/${name.replace(/ts$/, 'out')}`, root), 'utf8'));
      await database.drop();
    });
  }
});

describe('the README', () => {
  it('shows code only that stands in an example, line by line', () => {
    const readme = readFileSync(new URL('README.md', root), 'utf8');
    const code = examples.map((name) => readFileSync(new URL(`examples/${name}`, root), 'utf8')).join('\n');
    const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, block = '']) => block);
    assert.ok(blocks.length > 0);
    const known = new Set(code.split('\n').map((line) => line.trim()));
    for (const line of blocks.join('\n').split('\n')) {
      assert.ok(line.trim() === '' || known.has(line.trim()), `no example has the README's line: ${line}`);
    }
  });
});
