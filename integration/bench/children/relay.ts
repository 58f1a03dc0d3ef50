/** A relay into a sink that confirms at once, started and stopped as it is told. Argument: the database's URL. */
import { pgDatabase } from '@holdfast/postgres';
import { createRelay, type Relay, relayTable } from '@holdfast/relay';
import { Pool } from 'pg';
import { say, told } from '../../harness/index.ts';
import { countingSink } from '../world/counting-sink.ts';

const pool = new Pool({ connectionString: process.argv[2] ?? '', max: 12 });
const database = pgDatabase(pool);
let relay: Relay | undefined;
for await (const { start, stop } of told()) {
  if (start !== undefined) {
    relay = createRelay(
      { database, table: relayTable('outbox') },
      countingSink(() => {}),
    );
    await relay.start();
    // It has its share of the shards when both have joined.
    while ((await relay.stats()).shardsOwned === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (stop !== undefined) await relay?.close();
  say({ done: start ?? stop });
}
