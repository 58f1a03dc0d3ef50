import assert from 'node:assert/strict';
import { isHoldfastError } from '@holdfast/core';
import { printMigrations, type SchemaModule } from '@holdfast/postgres';

const base: SchemaModule = {
  name: 'base',
  migrations: [{ version: 1, name: 'first', sql: (schema) => `create table ${schema}.one ()` }],
};
const left: SchemaModule = {
  name: 'left',
  needs: [base],
  migrations: [
    { version: 2, name: "it's second", sql: (schema) => `create table ${schema}.three ();` },
    { version: 1, name: 'first', sql: (schema) => `create table ${schema}.two ();` },
  ],
};
const right: SchemaModule = { name: 'right', needs: [base, left], migrations: [] };

describe('printMigrations', () => {
  it('prints what is needed first, each module once, its migrations by number', () => {
    const tables = [...printMigrations([right, left, base]).matchAll(/create table "holdfast"\.(\w+) \(\);/g)];
    assert.deepEqual(
      tables.map(([, table]) => table),
      ['one', 'two', 'three'],
    );
  });

  it('writes the schema asked for, quoted', () => {
    const text = printMigrations([base], { schema: 'reliable' });
    assert.match(text, /create table "reliable"\.one/);
    assert.ok(!text.includes('holdfast'));
  });

  it('refuses a schema that is not a plain lower-case name', () => {
    assert.throws(
      () => printMigrations([base], { schema: 'a"b' }),
      (error) => isHoldfastError(error, 'invalid_option'),
    );
  });

  it('prints the same text every time', () => {
    assert.equal(printMigrations([left]), printMigrations([left]));
  });
});
