import assert from 'node:assert/strict';
import { ack } from '@holdfast/core';
import { postgresTransport } from '@holdfast/transport-postgres';
import { eventually } from '../../harness/index.ts';
import { libraries } from '../postgres/databases.ts';
import { messageOf, messagesOf, openTestLog, type TestLog } from './test-log.ts';

describe('the Postgres transport over each client library', () => {
  let log: TestLog;
  before(async () => {
    log = await openTestLog();
  });
  after(() => log.close());

  for (const library of libraries) {
    it(`${library.name}: publishes, reads, moves on and seeks`, async () => {
      const { database, close } = library.open(log.url);
      const transport = postgresTransport({
        database,
        runtime: log.runtime,
        topics: { [library.name]: { partitions: 2 } },
      });
      const odd = { ...messageOf('odd', 'k "quoted" \\ {x}'), headers: { h: '"}\\' }, body: Uint8Array.of(0, 255, 34) };
      const messages = [odd, ...messagesOf(200, 9)];
      await transport.publish(library.name, messages);
      const seen: string[] = [];
      const group = 'a "group", {odd}\\';
      const subscription = await transport.subscribe(
        [library.name],
        async ({ message }) => {
          if (message.id === 'odd') assert.deepEqual(message, odd);
          seen.push(message.id);
          return ack;
        },
        { group, from: 'earliest' },
      );
      await eventually(() => assert.equal(seen.length, messages.length));
      await subscription.close();
      assert.deepEqual((await transport.topology.describe(library.name)).groups, [{ group, lag: 0 }]);
      await transport.topology.seek(library.name, group, 'earliest');
      assert.deepEqual((await transport.topology.describe(library.name)).groups, [{ group, lag: messages.length }]);
      await transport.close();
      await close();
    });
  }
});
