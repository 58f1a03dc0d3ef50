import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { baseSchema, checkSchema, type Database, type Row } from '@holdfast/postgres';

/** A server that answers every statement with the same rows, or error. */
const answering = (answer: readonly Row[] | Error): Database<never> => ({
  schema: '"holdfast"',
  transaction: () => assert.fail('the check needs no transaction'),
  query: () => assert.fail('the check needs no transaction'),
  execute: async () => {
    if (answer instanceof Error) throw answer;
    return answer;
  },
});

const recorded = (version: string): Row => ({ standby: 'false', module: 'base', version });

describe('checkSchema', () => {
  it('refuses a standby, which takes no writes and may show old rows', async () => {
    const standby = answering([{ ...recorded('1'), standby: 'true' }]);
    await assert.rejects(
      checkSchema(standby, [baseSchema]),
      (error) => isHoldfastError(error, 'not_primary') && error.retryable,
    );
  });

  it('passes a database that has all migrations, or more', async () => {
    await checkSchema(answering(['1', '2', '3'].map(recorded)), [baseSchema]);
  });

  it('names the migrations that are missing', async () => {
    await assert.rejects(
      checkSchema(answering([recorded('1')]), [baseSchema]),
      (error) => isHoldfastError(error, 'schema_behind') && error.message.includes('base 2 (leases)'),
    );
  });

  it('takes no records at all as missing tables', async () => {
    const empty = answering([{ standby: 'false', module: null, version: null }]);
    await assert.rejects(checkSchema(empty, [baseSchema]), (error) => isHoldfastError(error, 'schema_missing'));
  });

  it('lets other errors through', async () => {
    const denied = Object.assign(new Error('permission denied'), { code: '42501' });
    await assert.rejects(checkSchema(answering(denied), [baseSchema]), (error) => error === denied);
  });
});
