import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from 'simple-statistics';
import { freshDatabase, ownPostgres, type PostgresServer } from '../../harness/index.ts';
import { createCountdown } from '../harness/countdown.ts';
import { callTimes } from '../harness/load.ts';
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
  /** Of a backlog. */
  readonly rowsPerSecond: number;
  /** From the begin of the transaction that adds a message to its handler, at `latencyRate`. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How many of those had not reached the handler after `latencyGiveUpMs`. */
  readonly missing: number;
}

/** In the order of the table. */
export const peers: readonly Peer[] = [
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
const backlogGiveUpMs = 30_000;
export const latencyGiveUpMs = 10_000;

/** Those of the named packages, one after the other, on one server, which has to write its log for logical replication. */
export async function* measurePeers(packages: readonly string[], quick: boolean): AsyncGenerator<PeerResult> {
  if (packages.length === 0) return;
  const server = await ownPostgres(settings);
  try {
    for (const peer of peers.filter((one) => packages.includes(one.package))) {
      const rowsPerSecond = await measureBacklog(server, peer, quick ? 2_000 : 10_000);
      const { times, missing } = await measureLatency(server, peer, quick ? 2_000 : 10_000);
      yield {
        ...{ name: peer.name, version: versionOf(peer.package), rowsPerSecond },
        ...{ p50Ms: quantile([...times], 0.5), p99Ms: quantile([...times], 0.99), missing },
      };
    }
  } finally {
    await server.close();
  }
}

const measureBacklog = (server: PostgresServer, peer: Peer, rows: number): Promise<number> => {
  const handled = createCountdown(rows);
  const onMessage = () => handled.add(1);
  return withPeer(server, { peer, onMessage }, async (open) => {
    let left = rows;
    const add = async (): Promise<void> => {
      while (left-- > 0) await open.add(message());
    };
    await Promise.all(Array.from({ length: 16 }, add));
    const startedAt = performance.now();
    await open.start();
    await within(backlogGiveUpMs, handled.done);
    return (handled.count / (performance.now() - startedAt)) * 1_000;
  });
};

interface Latencies {
  readonly times: readonly number[];
  readonly missing: number;
}

const measureLatency = (server: PostgresServer, peer: Peer, durationMs: number): Promise<Latencies> => {
  const waiting = new Map<string, () => void>();
  const onMessage = (id: string): void => {
    waiting.get(id)?.();
    waiting.delete(id);
  };
  return withPeer(server, { peer, onMessage }, async (open) => {
    await open.start();
    const addAndWait = async (): Promise<void> => {
      const one = message();
      const arrived = new Promise<void>((resolve) => waiting.set(one.id, resolve));
      await open.add(one);
      await within(latencyGiveUpMs, arrived);
    };
    await Promise.all(Array.from({ length: 100 }, addAndWait));
    waiting.clear();
    const times = await callTimes({ perSecond: latencyRate, durationMs, work: addAndWait });
    return { times, missing: waiting.size };
  });
};

interface PeerSetUp {
  readonly peer: Peer;
  readonly onMessage: (id: string) => void;
}

/** In a database of its own. */
const withPeer = async <T>(
  server: PostgresServer,
  { peer, onMessage }: PeerSetUp,
  run: (open: OpenPeer) => Promise<T>,
): Promise<T> => {
  const { url } = await freshDatabase(server);
  const open = await peer.open(url, onMessage);
  try {
    return await run(open);
  } finally {
    // The database is left to the server's end: a library that did not end in time still uses it.
    await within(5_000, open.close());
  }
};

const within = (ms: number, done: Promise<void>): Promise<void> =>
  Promise.race([done, sleep(ms, undefined, { ref: false })]);

const note = 'x'.repeat(150);

const message = (): PeerMessage => {
  const id = crypto.randomUUID();
  return { id, key: `key ${Math.floor(Math.random() * keys)}`, payload: { id, note } };
};
