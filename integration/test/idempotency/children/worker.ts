/** Works under idempotency keys as a process of its own, as it is told: `kind url leaseMs`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { armTriggerPoints, isHoldfastError, silentLog } from '@holdfast/core';
import { createIdempotency } from '@holdfast/idempotency';
import { say, told } from '../../../harness/index.ts';
import { openStore } from '../open-store.ts';

const [kind = '', url = '', leaseMs = '', prefix = ''] = process.argv.slice(2);
const { store, close } = openStore(kind, { url, prefix });
const idempotency = createIdempotency({ store, leaseMs: Number(leaseMs), runtime: { log: silentLog } });

const work = async (key: string, forMs: number): Promise<void> => {
  const ended = idempotency.once(key, async ({ token, signal }) => {
    say({ began: key, token });
    signal.addEventListener('abort', () => say({ aborted: key, code: codeOf(signal.reason) }));
    // Stubborn: it goes on whatever its signal says.
    await sleep(forMs);
    return `by ${process.pid}`;
  });
  await ended.then(
    ({ outcome, value }) => say({ ended: key, outcome, value }),
    (error: unknown) => say({ ended: key, outcome: codeOf(error) }),
  );
};

const codeOf = (error: unknown): string => (isHoldfastError(error) ? error.code : String(error));

say({ ready: true });
for await (const { key, forMs, stop, diesAtItsEnd } of told()) {
  if (stop) break;
  if (diesAtItsEnd) armTriggerPoints({ 'idempotency.beforeRecord': () => void process.kill(process.pid, 'SIGKILL') });
  void work(String(key), Number(forMs));
}
await close();
