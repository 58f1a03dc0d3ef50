import assert from 'node:assert/strict';
import { checkPublish } from '@holdfast/core';
import { readFetched } from '../src/read-fetched.ts';
import { bytesOf, fromRecord, toRecord } from '../src/wire.ts';

const record = (more: object = {}) => ({
  ...{ offset: '7', key: null, value: Buffer.from('{"a":1}'), timestamp: '1700000000000', headers: {} },
  ...more,
});

describe('a record of Kafka', () => {
  it('carries id and type as CloudEvents in Kafka do, and the key as its key', () => {
    const headers = { 'content-type': 'application/json', ce_source: 'shop' };
    const made = toRecord({ id: 'a', type: 'order.placed', key: 'k', headers, body: Buffer.from('x') });
    assert.equal(made.key, 'k');
    assert.deepEqual(made.headers, { ce_id: 'a', ce_type: 'order.placed', ce_specversion: '1.0', ...headers });
  });

  it('has the id and the type of its message, whatever its headers call so', () => {
    const headers = { ce_id: 'other', ce_type: 'other', ce_specversion: '9', note: 'n' };
    const made = toRecord({ id: 'a', type: 'order.placed', headers, body: Buffer.from('x') });
    assert.deepEqual(made.headers, { ce_id: 'a', ce_type: 'order.placed', ce_specversion: '1.0', note: 'n' });
    const read = fromRecord(record({ headers: made.headers }), 'orders', 0);
    assert.deepEqual([read.id, read.type, read.headers], ['a', 'order.placed', { note: 'n' }]);
  });

  it('that somebody else wrote has its place as its id, the same each time', () => {
    const message = fromRecord(record({ key: Buffer.from('k') }), 'orders', 3);
    assert.deepEqual([message.id, message.type, message.key], ['orders/3/7', 'orders', 'k']);
  });

  it('is read as its topic says', () => {
    const nest = record({
      value: Buffer.from('{"pattern":"order.placed","data":{"id":"o1"}}'),
      key: Buffer.from('raw'),
    });
    const message = fromRecord(nest, 'orders', 0, ({ value }) => {
      const { pattern, data } = JSON.parse(String(value));
      return { id: data.id, type: pattern, key: null };
    });
    assert.deepEqual([message.id, message.type, message.key], ['o1', 'order.placed', undefined]);
  });

  it('that no text can hold can be carried on all the same, each key under a name of its own', () => {
    const long = (value: bigint) => {
      const key = Buffer.alloc(8);
      key.writeBigInt64BE(value);
      return key;
    };
    const headers = {
      ce_id: Buffer.alloc(0),
      ce_type: Buffer.from('a\0b'),
      'no\0te': [Buffer.from('\0'), Buffer.from('\0')],
    };
    const keys = [long(7n), long(-7n), long(-8n), Buffer.from([0xff]), Buffer.from([0xfe])];
    const messages = keys.map((key) => fromRecord(record({ key, headers }), 'orders', 0));
    checkPublish('orders.dead', messages, 1_000);
    assert.equal(messages[0]?.key, 'hex:0000000000000007');
    assert.equal(new Set(messages.map(({ key }) => key)).size, keys.length);
    assert.deepEqual(
      [messages[0]?.id, messages[0]?.type, messages[0]?.headers],
      ['orders/0/7', 'a\ufffdb', { 'no\ufffdte': '\ufffd' }],
    );
    for (const text of ['k', 'żółw', '\ufffd', '']) {
      assert.equal(fromRecord(record({ key: Buffer.from(text) }), 'orders', 0).key, text);
    }
  });

  it('of which its own way to read makes what cannot be carried is read as it is', () => {
    const message = fromRecord(record(), 'orders', 0, () => ({ id: 'a\0b' }));
    assert.equal(message.id, 'orders/0/7');
  });

  it('without a value has an empty body, and of a header that stands twice the last value', () => {
    const message = fromRecord(
      record({ value: null, headers: { twice: [Buffer.from('1'), Buffer.from('2')] } }),
      't',
      0,
    );
    assert.equal(message.body.byteLength, 0);
    assert.deepEqual(message.headers, { twice: '2' });
  });

  it('is not held for smaller than it is', () => {
    const made = toRecord({ id: 'ключ', type: 't', key: '🔑', headers: { note: 'żółw' }, body: new Uint8Array(500) });
    const strings = ['ключ', 't', '🔑', 'note', 'żółw', 'ce_id', 'ce_type', 'ce_specversion', '1.0'];
    const content = 500 + strings.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    assert.ok(bytesOf(made) >= content + 30);
  });

  it('is not handed on from before the offset asked for, from an aborted transaction, or when it is a marker', () => {
    const of = (producerId: string) => ({ producerId, inTransaction: true });
    const plain = { producerId: '-1', inTransaction: false };
    const messages = [
      { ...record(), offset: '0', batchContext: plain },
      { ...record(), offset: '1', batchContext: plain },
      { ...record(), offset: '2', batchContext: of('9') },
      { ...record(), offset: '3', batchContext: of('5') },
      { ...record(), offset: '4', batchContext: of('9'), isControlRecord: true },
      { ...record(), offset: '5', batchContext: of('9') },
      { ...record(), offset: '6', batchContext: of('5'), isControlRecord: true },
    ];
    const read = readFetched(
      { partition: 0, errorCode: 0, messages, abortedTransactions: [{ producerId: '9', firstOffset: '2' }] },
      1n,
    );
    assert.deepEqual(
      read.records.map(({ offset }) => offset),
      ['1', '3', '5'],
    );
    assert.equal(read.next, 7n);
  });

  it('that was the last of its batch and was compacted away is gone past', () => {
    const messages = [{ ...record(), offset: '5' }];
    const asked = { partition: 0, errorCode: 0, messages, end: 9n };
    const again = readFetched(asked, 6n);
    assert.deepEqual([again.records.length, again.next], [0, 9n]);
    assert.equal(readFetched({ ...asked, messages: [] }, 5n).next, 9n);
    assert.equal(readFetched({ ...asked, end: undefined }, 0n).next, 6n);
  });
});
