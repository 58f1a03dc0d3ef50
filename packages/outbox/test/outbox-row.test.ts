import assert from 'node:assert/strict';
import { isHoldfastError, type Message } from '@holdfast/core';
import { rowMessage } from '@holdfast/relay';
import fc from 'fast-check';
import { outboxRow } from '../src/outbox-row.ts';

const message = (body: Uint8Array): Message => ({ id: 'i', type: 't', key: 'k', headers: { a: 'ä"\\' }, body });
const place = { topic: 'topic', ordered: true, delayMs: undefined };

describe('a row of the outbox', () => {
  it('gives back any body, byte for byte', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const row = JSON.parse(JSON.stringify(outboxRow(message(bytes), place)));
          assert.ok(!row.body.includes('\0'), 'Postgres takes no NUL in a text');
          const again = rowMessage({ ...row, headers: JSON.stringify(row.headers), encoding: row.encoding ?? 'utf8' });
          assert.deepEqual({ ...again, body: [...again.body] }, { ...message(bytes), body: [...bytes] });
        },
      ),
    );
  });

  it('says what is not ordered and what is delayed, and refuses what cannot be', () => {
    const row = outboxRow(message(new Uint8Array()), { ...place, ordered: false, delayMs: 5 });
    assert.deepEqual([row.ordered, row.delayMs], [false, 5]);
    for (const wrong of [{ delayMs: -1 }, { delayMs: 0.5 }, { delayMs: Number.NaN }, { topic: '' }]) {
      assert.throws(
        () => outboxRow(message(new Uint8Array()), { ...place, ...wrong }),
        (error) => isHoldfastError(error, 'invalid_option'),
      );
    }
  });
});
