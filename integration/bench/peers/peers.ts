import { quantile } from 'simple-statistics';
import { freshDatabase, ownPostgres, type PostgresServer } from '../../harness/index.ts';
import { createCountdown } from '../harness/countdown.ts';
import { callTimes, perSecond } from '../harness/load.ts';
import { versionOf } from '../report/machine.ts';
import { graphileWorker } from './graphile-worker.ts';
import { holdfastLog, holdfastRelay } from './holdfast-peers.ts';
import type { OpenPeer, Peer, PeerMessage } from './peer.ts';
import { pgBoss } from './pg-boss.ts';
import { transactionalOutboxPolling, transactionalOutboxReplication } from './pg-transactional-outbox.ts';

/** What one library did. */
export interface PeerResult {
  readonly name: string;
  readonly version: string;
  readonly setUp: string;
  /** Of a backlog. */
  readonly rowsPerSecond: number;
  /** From the begin of the transaction that adds a message to its handler, at `latencyRate`. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const peers: readonly Peer[] = [
  holdfastRelay,
  holdfastLog,
  transactionalOutboxPolling,
  transactionalOutboxReplication,
  pgBoss,
  graphileWorker,
];

const settings = ['wal_level=logical', 'shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=1h'];
/** Messages a second while latencies are taken. */
export const latencyRate = 100;
const keys = 1_000;
const giveUpMs = 120_000;

/** Each library after the other, on one server, which has to write its log for logical replication. */
export const measurePeers = async (quick: boolean): Promise<readonly PeerResult[]> => {
  const server = await ownPostgres(settings);
  const results: PeerResult[] = [];
  try {
    for (const peer of peers) results.push(await measure(server, peer, quick));
    return results;
  } finally {
    await server.close();
  }
};

const measure = async (server: PostgresServer, peer: Peer, quick: boolean): Promise<PeerResult> => {
  const { url, drop } = await freshDatabase(server);
  const rows = quick ? 2_000 : 20_000;
  const handled = createCountdown(rows);
  const waiting = new Map<string, () => void>();
  const open = await peer.open(url, (id) => {
    waiting.get(id)?.();
    waiting.delete(id);
    handled.add(1);
  });
  try {
    await fill(open, rows);
    const startedAt = performance.now();
    const backlog = perSecond(rows, async () => {
      await open.start();
      await Promise.race([handled.done, new Promise((resolve) => setTimeout(resolve, giveUpMs).unref())]);
    });
    await backlog;
    const rowsPerSecond = (handled.count / (performance.now() - startedAt)) * 1_000;
    const times = await callTimes({
      perSecond: latencyRate,
      durationMs: quick ? 2_000 : 10_000,
      work: async () => {
        const one = message();
        const arrived = new Promise<void>((resolve) => waiting.set(one.id, resolve));
        await open.add(one);
        await arrived;
      },
    });
    return {
      ...{ name: peer.name, version: versionOf(peer.package), setUp: peer.setUp, rowsPerSecond },
      ...{ p50Ms: quantile([...times], 0.5), p99Ms: quantile([...times], 0.99) },
    };
  } finally {
    await open.close();
    await drop();
  }
};

const fill = async (peer: OpenPeer, rows: number): Promise<void> => {
  let left = rows;
  const add = async (): Promise<void> => {
    while (left-- > 0) await peer.add(message());
  };
  await Promise.all(Array.from({ length: 16 }, add));
};

const note = 'x'.repeat(150);

const message = (): PeerMessage => {
  const id = crypto.randomUUID();
  return { id, key: `key ${Math.floor(Math.random() * keys)}`, payload: { id, note } };
};
