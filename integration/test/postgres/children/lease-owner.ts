/** Shares the slots of a scope, and writes to each it holds as fast as it can, fenced in the same statement. */
import { createLeases, type Lease, pgDatabase } from '@holdfast/postgres';
import { Pool } from 'pg';
import { say, told } from '../../../harness/index.ts';

const [, , url, owner = ''] = process.argv;
const pool = new Pool({ connectionString: url });
const database = pgDatabase(pool);

const write = `with fence as materialized (select holdfast.lease_holds('scope', $1::text::integer, $2::text::bigint) as holds)
  insert into writes (slot, epoch, owner) select $1::text::integer, $2::text::bigint, $3::text from fence where holds
  returning seq::text`;

/** Writes until it is refused, not until it is told: a late owner does not know that it is late. */
const keepWriting = async ({ slot, epoch }: Lease): Promise<void> => {
  for (let written = 0; ; written++) {
    const rows = await database.execute(write, [String(slot), epoch, owner]);
    if (rows.length === 0) return say({ refused: slot, epoch, written });
    if (written === 0) say({ wrote: slot, epoch });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const leases = createLeases({
  ...{ database, scope: 'scope', slots: 1, leaseMs: 1_000, owner },
  onAcquired: (lease) => {
    say({ acquired: lease.slot, epoch: lease.epoch, takenOver: lease.takenOver });
    void keepWriting(lease);
  },
  onReleasing: () => {},
  onLost: ({ slot, epoch }) => say({ lost: slot, epoch }),
});
await leases.start();
say({ ready: true });
for await (const _ of told()) break;
await leases.close();
await pool.end();
process.exit();
