/**
 * `npm run bench` measures everything; `npm run bench -- outbox 8 peers` a group, a row, and the libraries beside us.
 *
 * - `--write` keeps what was measured and writes docs/performance.md from everything that is kept; `--page` only writes it.
 * - `--quick`: smaller, in under three minutes; without the rows of the brokers and the other libraries, unless they are named.
 * - `--json`: an array of results and nothing else.
 *
 * Exits 1 where a gate is missed; with `--only-fail 14`, only where that row's is.
 */
import { ownPostgres, type PostgresServer, sharedPostgres } from '../harness/index.ts';
import { chooseBenchmarks } from './benchmarks.ts';
import type { Result } from './harness/result.ts';
import { runBenchmark } from './harness/run-benchmark.ts';
import { createScene } from './harness/scene.ts';
import { readOptions } from './options.ts';
import { measurePeers, type PeerResult } from './peers/peers.ts';
import { keep } from './report/kept.ts';
import { headline, peerLine, resultLine } from './report/lines.ts';
import { describeMachine, type Machine } from './report/machine.ts';
import { writePage } from './report/write-page.ts';

/** So that no checkpoint falls into one side of a round. Durability is as it comes: fsync and synchronous commits. */
const settings = ['shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=1h'];

const { rows, peers: packages, quick, json, write, onlyFail } = readOptions(process.argv.slice(2));
const chosen = chooseBenchmarks(rows);
const print = json ? () => {} : console.log;
const results: Result[] = [];
const peers: PeerResult[] = [];
let machine: Machine | undefined;
process.env.HOLDFAST_SERVERS ??= 'local';

const measure = async (server: PostgresServer): Promise<void> => {
  machine = describeMachine(server);
  print(`Postgres ${machine.postgres}; Node ${machine.node}; ${machine.cpu}\n${headline()}`);
  for (const benchmark of chosen) {
    const found = await runBenchmark(benchmark, createScene(server, quick));
    results.push(...found);
    for (const result of found) print(resultLine(result));
  }
  for await (const peer of measurePeers(packages, quick)) {
    peers.push(peer);
    print(peerLine(peer));
  }
};

if (chosen.length > 0 || packages.length > 0) {
  const server = await (process.env.HOLDFAST_POSTGRES_URL ? sharedPostgres() : ownPostgres(settings));
  try {
    await measure(server);
  } finally {
    await server.close();
  }
}
if (json) console.log(JSON.stringify(results, undefined, 2));
if (write) await writePage(await keep({ machine, quick, results, peers }));

const missed = results.filter(({ ok, row }) => !ok && (onlyFail?.includes(String(row)) ?? true));
for (const { row, name } of missed) print(`row ${row}, ${name}: the gate is missed`);
process.exitCode = missed.length > 0 ? 1 : 0;
