import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import { tenantBulkhead } from '@holdfast/policies';
import fc from 'fast-check';

const never = new AbortController().signal;
const current = new AsyncLocalStorage<string>();
const key = (): string => current.getStore() ?? 'nobody';

const held = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { operation: () => promise, end: resolve };
};

describe('tenantBulkhead', () => {
  it('P8: lets a noisy tenant fill its own bulkhead only', async () => {
    const policy = tenantBulkhead({ slots: 1, queue: 1, key });
    const hold = held();
    const noisy = current.run('noisy', () => [1, 2].map(() => policy(hold.operation, never)));
    await current.run('noisy', () =>
      assert.rejects(policy(hold.operation, never), { code: 'bulkhead_full', tenant: 'noisy' }),
    );
    assert.equal(await current.run('quiet', () => policy(async () => 'served', never)), 'served');
    assert.deepEqual(policy.stateOf('noisy'), { name: 'full', running: 1, waiting: 1, rejected: 1 });
    assert.deepEqual(policy.stateOf('quiet'), { name: 'free', running: 0, waiting: 0, rejected: 0 });
    assert.deepEqual(policy.state, { tenants: 1, running: 1, waiting: 1, rejected: 1 });
    hold.end();
    await Promise.all(noisy);
    assert.deepEqual(policy.state, { tenants: 0, running: 0, waiting: 0, rejected: 1 });
  });

  it('gives a tenant that is named the same bulkhead as the key does', async () => {
    const policy = tenantBulkhead({ slots: 1, key });
    const hold = held();
    const running = policy.of('acme')(hold.operation, never);
    await assert.rejects(
      current.run('acme', () => policy(async () => {}, never)),
      { code: 'bulkhead_full' },
    );
    hold.end();
    await running;
  });

  it('has no room for one tenant too many, until another is done', async () => {
    const policy = tenantBulkhead({ slots: 5, key, maxTenants: 2 });
    const holds = [held(), held()] as const;
    const running = ['a', 'b'].map((tenant, index) => policy.of(tenant)((holds[index] ?? holds[0]).operation, never));
    await assert.rejects(
      policy.of('c')(async () => {}, never),
      { code: 'too_many_tenants', tenant: 'c', retryable: true },
    );
    await policy.of('a')(async () => {}, never);
    holds[0].end();
    await running[0];
    await policy.of('c')(async () => {}, never);
    holds[1].end();
    await running[1];
    assert.deepEqual(policy.state, { tenants: 0, running: 0, waiting: 0, rejected: 1 });
  });

  it('P5: keeps nothing of tenants that have ended, and counts right, for any calls of any tenants', async () => {
    const act = fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), ends: fc.boolean(), which: fc.nat(20) });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 50 }), async (acts) => {
        const policy = tenantBulkhead({ slots: 2, queue: 1, key, maxTenants: 3 });
        const live: { readonly tenant: string; readonly end: () => void; readonly ended: Promise<unknown> }[] = [];
        for (const { tenant, ends, which } of acts) {
          if (ends && live.length > 0) {
            const [gone] = live.splice(which % live.length, 1);
            gone?.end();
            await setImmediate();
          } else {
            const hold = held();
            const ended = policy
              .of(tenant)(hold.operation, never)
              .then(
                () => 'done',
                (error: { readonly code: string }) => error.code,
              );
            const now = await Promise.race([ended, setImmediate('under way')]);
            if (now === 'under way') live.push({ tenant, end: hold.end, ended });
          }
          const tenants = new Set(live.map((call) => call.tenant));
          assert.ok(tenants.size <= 3);
          assert.ok(policy.state.tenants <= tenants.size);
          for (const name of tenants) {
            const { running, waiting } = policy.stateOf(name);
            assert.ok(running <= 2 && waiting <= 1);
          }
        }
        for (const { end } of live) end();
        await Promise.all(live.map(({ ended }) => ended));
        const { rejected, ...rest } = policy.state;
        assert.deepEqual(rest, { tenants: 0, running: 0, waiting: 0 });
        assert.ok(rejected <= acts.length);
      }),
      { numRuns: 40 },
    );
  });

  it('refuses options that cannot work', () => {
    assert.throws(() => tenantBulkhead({ slots: 0, key }), { code: 'invalid_option', option: 'slots' });
    assert.throws(() => tenantBulkhead({ slots: 1, key, maxTenants: 0 }), {
      code: 'invalid_option',
      option: 'maxTenants',
    });
    const options = { slots: 1 } as unknown as Parameters<typeof tenantBulkhead>[0];
    assert.throws(() => tenantBulkhead(options), { code: 'invalid_option', option: 'key' });
  });
});
