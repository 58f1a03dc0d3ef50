import { outboxSuite } from '@holdfast/conformance';
import { createOutbox, createOutboxRelay, outboxSchema } from '@holdfast/outbox';
import { migrate } from '@holdfast/postgres';
import { freshDatabase } from '../../harness/index.ts';
import { libraries } from '../postgres/databases.ts';

describe('the outbox', () => {
  for (const library of libraries) {
    outboxSuite(
      {
        name: library.name,
        create: async () => {
          const fresh = await freshDatabase();
          const { database, poolAsTx, close } = library.open(fresh.url, 15);
          await migrate(database, [outboxSchema]);
          return {
            database,
            notATransaction: poolAsTx,
            outbox: (options) => createOutbox(database, options),
            relay: (options) => createOutboxRelay({ database, ...options }),
            close: async () => {
              await close();
              await fresh.drop();
            },
          };
        },
      },
      { describe, it, afterEach },
    );
  }
});
