import assert from 'node:assert/strict';
import type { Message } from '@holdfast/core';
import { rowMessage } from '@holdfast/relay';
import fc from 'fast-check';
import { storedRow } from '../src/stored-row.ts';

const message: fc.Arbitrary<Message> = fc
  .record(
    {
      id: fc.string({ minLength: 1 }),
      type: fc.string(),
      key: fc.string(),
      headers: fc.dictionary(fc.string(), fc.string()),
      body: fc.uint8Array(),
    },
    { requiredKeys: ['id', 'type', 'headers', 'body'] },
  )
  .map(({ key, ...rest }) => ({ ...rest, ...(key !== undefined && { key }) }));

const place = { topic: 'orders', group: 'billing', ordering: 'key' } as const;

describe('a message as a row of the store', () => {
  it('comes back as it was, whatever its bytes', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const { id, type, key, headers, body, encoding = 'utf8' } = storedRow(sent, place);
        const read = rowMessage({ id, type, key, headers: JSON.stringify(headers), body, encoding });
        assert.deepEqual(
          { ...read, body: [...read.body] },
          { ...sent, headers: { ...sent.headers }, body: [...sent.body] },
        );
      }),
    );
  });

  it('has a body of text that Postgres can hold', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        const row = storedRow({ id: 'm', type: 't', headers: {}, body }, place);
        assert.ok(!row.body.includes('\0') && row.body.isWellFormed());
      }),
    );
  });
});
