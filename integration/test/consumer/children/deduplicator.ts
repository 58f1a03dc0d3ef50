/** A consumer with `deduplicate` as a process, whose effects are calls to another system: a ledger. Argument: {@link DeduplicatorOptions}. */
import { setTimeout as pause } from 'node:timers/promises';
import { createConsumer } from '@holdfast/consumer';
import { effectLedger, say } from '../../../harness/index.ts';
import { OrderPlaced } from '../../crash/contracts.ts';
import { openRole, type RoleOptions } from '../../crash/roles/role.ts';
import { openStore, type Place } from '../../idempotency/open-store.ts';

export interface DeduplicatorOptions extends RoleOptions {
  readonly keys: { readonly kind: string; readonly place: Place };
  readonly keyLeaseMs: number;
  readonly concurrency: number;
}

const { options, pool, runtime, run, ...role } = openRole<DeduplicatorOptions>(8);
const { url, name, keys, keyLeaseMs, concurrency } = options;
const ledger = await effectLedger(url, name);
const { store, close } = openStore(keys.kind, keys.place);
const transport = role.transport();
const consumer = createConsumer({
  ...{ transport, group: 'billing', concurrency, runtime },
  from: transport.capabilities.replay ? 'earliest' : 'latest',
  deduplicate: { store, leaseMs: keyLeaseMs },
});
consumer.on(OrderPlaced, async ({ customer: key }, { message: { id }, signal }) => {
  const seq = Number(id.split('/')[1]);
  await ledger.record({ f: 'effect', type: 'invoke', id, key, seq });
  await pause(Math.random() * 60);
  signal.throwIfAborted();
  await ledger.effect({ id, key, seq });
});
await consumer.start();
await run();
await consumer.close();
await transport.close();
await Promise.all([close(), ledger.close(), pool.end()]);
say({ closed: true, ...consumer.stats() });
