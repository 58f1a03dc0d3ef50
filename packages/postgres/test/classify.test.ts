import assert from 'node:assert/strict';
import { ClosedError } from '@holdfast/core';
import { classify, type ErrorClass, NotPrimaryError, sqlState, UnknownOutcomeError } from '@holdfast/postgres';
import fc from 'fast-check';

const withCode = (code: string): Error => Object.assign(new Error('x'), { code });

describe('classify', () => {
  const table: readonly (readonly [string, ErrorClass, string])[] = [
    ['40001', 'retryable', 'serialization failure'],
    ['40P01', 'retryable', 'deadlock'],
    ['55P03', 'retryable', 'lock not available'],
    ['57014', 'retryable', 'statement timeout'],
    ['53200', 'retryable', 'out of memory'],
    ['57P01', 'reconnect', 'admin shutdown'],
    ['57P02', 'reconnect', 'crash shutdown'],
    ['57P03', 'reconnect', 'cannot connect now'],
    ['08000', 'reconnect', 'connection exception'],
    ['08006', 'reconnect', 'connection failure'],
    ['25006', 'reconnect', 'read-only after a failover'],
    ['25P03', 'reconnect', 'idle in transaction timeout'],
    ['53300', 'reconnect', 'too many connections'],
    ['08P01', 'fatal', 'protocol violation'],
    ['23505', 'fatal', 'unique violation'],
    ['22P02', 'fatal', 'invalid text'],
    ['25P02', 'fatal', 'failed transaction'],
    ['28P01', 'fatal', 'wrong password'],
    ['42P01', 'fatal', 'no such table'],
    ['57P04', 'fatal', 'database dropped'],
    ['XX001', 'fatal', 'data corrupted'],
    ['ECONNREFUSED', 'reconnect', 'nobody listens'],
    ['ECONNRESET', 'reconnect', 'reset'],
    ['EPIPE', 'reconnect', 'broken pipe, five letters like an SQLSTATE'],
    ['CONNECTION_CLOSED', 'reconnect', 'postgres.js: closed'],
    ['CONNECTION_ENDED', 'fatal', 'postgres.js: ended by the user'],
    ['ERR_INVALID_ARG_TYPE', 'fatal', "a program's own mistake"],
  ];
  for (const [code, expected, what] of table) {
    it(`takes ${code} (${what}) as ${expected}`, () => {
      assert.equal(classify(withCode(code)), expected);
    });

    it(`takes ${code} as ${expected} in the cause of an error that an ORM threw`, () => {
      const wrapped = new Error('Failed query', { cause: new Error('inner', { cause: withCode(code) }) });
      assert.equal(classify(wrapped), expected);
    });
  }

  it("knows pg's connection errors, which have no code", () => {
    for (const text of [
      'Connection terminated unexpectedly',
      'Connection terminated due to connection timeout',
      'Client has encountered a connection error and is not queryable',
      'timeout exceeded when trying to connect',
      'Query read timeout',
    ]) {
      assert.equal(classify(new Error(text)), 'reconnect', text);
    }
  });

  it("follows what Holdfast's own errors say of themselves", () => {
    assert.equal(classify(new NotPrimaryError()), 'retryable');
    assert.equal(classify(new ClosedError('x')), 'fatal');
    assert.equal(classify(new UnknownOutcomeError(withCode('ECONNRESET'))), 'fatal');
  });

  it('gives every value exactly one class, and an unknown code the class fatal', () => {
    const classes: readonly string[] = ['retryable', 'reconnect', 'fatal'];
    const code = fc.stringMatching(/^[0-9A-Z]{5}$/);
    fc.assert(
      fc.property(fc.oneof(fc.anything(), code.map(withCode), code), (value) => {
        assert.ok(classes.includes(classify(value)));
      }),
    );
    assert.equal(classify(withCode('99999')), 'fatal');
    assert.equal(classify('40001'), 'fatal');
    assert.equal(classify(undefined), 'fatal');
  });

  it('ends on errors that cause each other', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    assert.equal(classify(a), 'fatal');
    assert.equal(sqlState(a), undefined);
  });
});
