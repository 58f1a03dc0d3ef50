import assert from 'node:assert/strict';
import * as holdfast from '../src/index.ts';

describe('the front door', () => {
  it('has what the programs of the front page use', () => {
    const { defineMessage, createPublisher, createConsumer, createOutbox, createOutboxRelay, createInbox } = holdfast;
    const { pgDatabase, postgresJsDatabase, drizzleDatabase, kyselyDatabase, migrate, printMigrations } = holdfast;
    const { exponential, constant, retry, timeout, combine } = holdfast;
    const functions = [
      ...[defineMessage, createPublisher, createConsumer, createOutbox, createOutboxRelay, createInbox],
      ...[pgDatabase, postgresJsDatabase, drizzleDatabase, kyselyDatabase, migrate, printMigrations],
      ...[exponential, constant, retry, timeout, combine],
    ];
    assert.ok(functions.every((value) => typeof value === 'function'));
    assert.deepEqual([holdfast.inboxSchema.name, holdfast.outboxSchema.name], ['inbox', 'outbox']);
  });

  it('has no transport: that is the user’s choice', () => {
    assert.deepEqual(
      Object.keys(holdfast).filter((name) => /transport/i.test(name)),
      ['guardTransport'],
    );
  });
});
