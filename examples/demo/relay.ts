import { createOutboxRelay } from 'holdfast';
import { confirmTooEarly, countPublished } from './breaks.ts';
import { openDatabase } from './database.ts';
import { readRole, report } from './role.ts';
import { leaseMs, openTransport } from './transport.ts';

/** Hands outbox rows to the transport. Two of these run at once and share the shards. */
const role = readRole();
const { databaseUrl, broken } = role;
const { database } = openDatabase(databaseUrl);
const transport = countPublished(await openTransport(role, database), (relayed) => report({ relayed }));
const relay = createOutboxRelay({
  database,
  transport: broken === 'delete-before-confirm' ? confirmTooEarly(transport) : transport,
  leaseMs,
});
await relay.start();
report({ ready: 1 });
