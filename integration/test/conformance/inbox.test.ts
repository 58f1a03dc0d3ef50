import { inboxSuite } from '@holdfast/conformance';
import { createInbox, createInboxRelay, createMessageStore, inboxSchema } from '@holdfast/inbox';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { type FreshDatabase, freshDatabase } from '../../harness/index.ts';
import { libraries, type Opened } from '../postgres/databases.ts';

for (const library of libraries) {
  describe(`the inbox over ${library.name}`, () => {
    let fresh: FreshDatabase;
    let opened: Opened<object>;

    before(async () => {
      fresh = await freshDatabase();
      const pool = new Pool({ connectionString: fresh.url });
      await migrate(pgDatabase(pool), [inboxSchema]);
      await pool.end();
      opened = library.open(fresh.url);
    });
    after(async () => {
      await opened.close();
      await fresh.drop();
    });

    inboxSuite(
      {
        name: library.name,
        create: () => {
          const { database } = opened;
          return {
            database,
            inbox: createInbox(database),
            store: (group) => createMessageStore({ database, group }),
            relay: (options) => createInboxRelay({ database, leaseMs: 2_000, ...options }),
          };
        },
      },
      { describe, it, afterEach },
    );
  });
}
