import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { transportsPage, withTable } from '../../docs/transports-page.ts';

describe('docs/transports.md', () => {
  it('has the capabilities that the transports declare: `npm run docs` writes them', async () => {
    assert.equal(readFileSync(transportsPage, 'utf8'), await withTable());
  });
});
