/** A relay as a process: from the outbox to the Postgres transport. Argument: {@link RelayRoleOptions}. */
import { createOutboxRelay } from '@holdfast/outbox';
import { openRole, type RoleOptions, sayClosed } from './role.ts';

export interface RelayRoleOptions extends RoleOptions {
  readonly batchSize: number;
  readonly maxInFlight: number;
}

const { options, pool, database, runtime, run, ...role } = openRole<RelayRoleOptions>(16);
const { leaseMs, batchSize, maxInFlight } = options;
const transport = role.transport();
const relay = createOutboxRelay({ database, transport, runtime, leaseMs, batchSize, maxInFlight });
await relay.start();
await run();
await relay.close();
await transport.close();
await pool.end();
sayClosed();
