import { idempotencySuite } from '@holdfast/conformance';
import { idempotencySchema, postgresIdempotencyStore } from '@holdfast/idempotency-postgres';
import { migrate, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { type FreshDatabase, freshDatabase } from '../../harness/index.ts';
import { libraries, type Opened } from '../postgres/databases.ts';
import { someOf } from './some-of.ts';

/** What depends on how a client sends a statement and gives its rows. */
const titles = [
  'a call with many keys answers each by itself, in order',
  'V15: a result is given back as it was, to every later claim, and stays as it is',
  'keys are taken as they are',
  'many claims and ends at once share the way to the store, and none is mistaken for another',
];

for (const [n, library] of libraries.entries()) {
  describe(`idempotency keys over ${library.name}`, () => {
    let fresh: FreshDatabase;
    let opened: Opened<object>;

    before(async () => {
      fresh = await freshDatabase();
      const pool = new Pool({ connectionString: fresh.url });
      await migrate(pgDatabase(pool), [idempotencySchema]);
      await pool.end();
      opened = library.open(fresh.url);
    });
    after(async () => {
      await opened.close();
      await fresh.drop();
    });

    idempotencySuite(
      { name: library.name, create: () => postgresIdempotencyStore({ database: opened.database }) },
      n === 0 ? { describe, it, afterEach } : someOf(titles),
    );
  });
}
