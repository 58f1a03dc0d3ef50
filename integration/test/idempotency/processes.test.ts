import assert from 'node:assert/strict';
import { type Child, spawnChild, type TcpProxy, tcpProxy } from '../../harness/index.ts';
import { freshPlace, type Place } from './open-store.ts';

const leaseMs = 1_200;

for (const kind of ['redis', 'postgres']) {
  describe(`processes that share keys in ${kind}`, function () {
    this.timeout(60_000);
    let place: Place & { drop(): Promise<void> };
    let children: Child[] = [];
    before(async () => {
      place = await freshPlace(kind);
    });
    after(() => place.drop());
    afterEach(async () => {
      await Promise.all(children.map((child) => child.close()));
      children = [];
    });

    const worker = async (url = place.url): Promise<Child> => {
      const child = spawnChild(new URL('children/worker.ts', import.meta.url), [kind, url, `${leaseMs}`, place.prefix]);
      children.push(child);
      await child.saw({ ready: true });
      return child;
    };

    /** Asks again until it is not told to wait. */
    const askUntil = async (child: Child, key: string): Promise<unknown> => {
      for (let asked = 0; ; asked++) {
        const before = child.lines.filter(({ ended }) => ended === key).length;
        child.tell({ key, forMs: 10 });
        await child.saw(
          (line) => line.ended === key && child.lines.filter(({ ended }) => ended === key).length > before,
        );
        const last = child.lines.filter(({ ended }) => ended === key).at(-1);
        if (last?.outcome !== 'in_progress') return last?.outcome;
        assert.ok(asked < 2_000, 'it is in progress for ever');
      }
    };

    it('V15, T80: the key of a process that is killed in its work is free after its lease, and not before', async () => {
      const [first, second] = [await worker(), await worker()];
      first.tell({ key: 'killed', forMs: 60_000 });
      const { token } = await first.saw({ began: 'killed' });
      await first.close();
      const killedAt = performance.now();
      assert.equal(await askUntil(second, 'killed'), 'done');
      const took = performance.now() - killedAt;
      assert.ok(took < leaseMs * 8, `it took ${took} ms`);
      const { token: next } = await second.saw({ began: 'killed' });
      assert.ok(BigInt(String(next)) > BigInt(String(token)));
    });

    it('V15, F26: work of a process that dies between the work and its record is done again, after the lease, by one alone', async () => {
      const [first, second] = [await worker(), await worker()];
      first.tell({ key: 'unrecorded', forMs: 10, diesAtItsEnd: true });
      await first.saw({ began: 'unrecorded' });
      assert.equal((await first.ended).signal, 'SIGKILL');
      second.tell({ key: 'unrecorded', forMs: 10 });
      await second.saw({ ended: 'unrecorded', outcome: 'in_progress' });
      assert.equal(await askUntil(second, 'unrecorded'), 'done');
    });

    it('V15, T81: a process that is stopped for three leases is told, and its end is refused where another has begun', async () => {
      const [first, second] = [await worker(), await worker()];
      first.tell({ key: 'stopped', forMs: 500 });
      await first.saw({ began: 'stopped' });
      first.signal('SIGSTOP');
      assert.equal(await askUntil(second, 'stopped'), 'done');
      await new Promise((resolve) => setTimeout(resolve, leaseMs * 2));
      first.signal('SIGCONT');
      await first.saw({ ended: 'stopped', outcome: 'lease_lost' });
      first.tell({ key: 'stopped', forMs: 10 });
      const { value } = await first.saw({ ended: 'stopped', outcome: 'replayed' });
      assert.equal(value, `by ${second.pid}`);
    });

    it('V15: of the requests of three processes for one key at once one does the work, and all get its result', async () => {
      const workers = [await worker(), await worker(), await worker()];
      for (let round = 0; round < 20; round++)
        for (const child of workers) child.tell({ key: `k${round % 4}`, forMs: 30 });
      for (const child of workers) {
        for (let key = 0; key < 4; key++) await askUntil(child, `k${key}`);
      }
      const lines = workers.flatMap((child) => child.lines);
      for (let key = 0; key < 4; key++) {
        assert.equal(lines.filter(({ began }) => began === `k${key}`).length, 1);
        const values = new Set(
          lines.filter(({ ended, value }) => ended === `k${key}` && value).map(({ value }) => value),
        );
        assert.equal(values.size, 1);
      }
    });

    it('V15, T82: an end whose reply is lost is recorded, and so is one of a store that is away for less than the lease', async () => {
      const target = new URL(place.url);
      const proxy: TcpProxy = await tcpProxy({ targetPort: Number(target.port), targetHost: target.hostname });
      try {
        const child = await worker(proxy.through(place.url));
        child.tell({ key: 'reply', forMs: 100 });
        await child.saw({ began: 'reply' });
        proxy.inject({ fault: 'drop-reply' });
        const { outcome } = await child.saw({ ended: 'reply' });
        assert.equal(outcome, 'done');
        child.tell({ key: 'away', forMs: 100 });
        await child.saw({ began: 'away' });
        proxy.inject({ fault: 'refuse' });
        await new Promise((resolve) => setTimeout(resolve, 400));
        proxy.heal();
        assert.equal((await child.saw({ ended: 'away' })).outcome, 'done');
        const other = await worker();
        for (const key of ['reply', 'away']) assert.equal(await askUntil(other, key), 'replayed');
      } finally {
        await proxy.close();
      }
    });
  });
}
