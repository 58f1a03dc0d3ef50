import assert from 'node:assert/strict';
import { askPg } from '../src/ask-pg.ts';
import type { PgClient } from '../src/pg-client.ts';

const result = { command: 'SELECT', rows: [{ one: '1' }] };
const clientThat = (query: PgClient['query']): PgClient => ({
  query,
  release: () => {},
  on: () => {},
  removeListener: () => {},
});

describe('a statement sent to a client of pg', () => {
  it('is answered by the callback', async () => {
    const client = clientThat((statement, callback) => {
      assert.equal(statement.text, 'select 1');
      callback(null, result);
    });
    assert.equal(await askPg(client, { text: 'select 1' }), result);
  });

  it('is answered by a promise where what stands before the client knows no callbacks', async () => {
    assert.equal(
      await askPg(
        clientThat(async () => result),
        { text: 'select 1' },
      ),
      result,
    );
  });

  it('waits for the callback where what stands before the client gives back a promise of nothing', async () => {
    const client = clientThat(async (_, callback) => {
      setTimeout(() => callback(null, result), 1);
    });
    assert.equal(await askPg(client, { text: 'select 1' }), result);
  });

  it('fails with what either of them fails with, as an error of whoever has asked', async () => {
    const error = new Error('no');
    const ways = [
      clientThat((_, callback) => callback(error, undefined as never)),
      clientThat(() => Promise.reject(error)),
      clientThat(() => {
        throw error;
      }),
    ];
    for (const client of ways) await assert.rejects(askPg(client, { text: 'select 1' }), error);
    assert.match(error.stack ?? '', /ask-pg\.test/);
  });
});
