/**
 * `npm run bench` measures everything and writes docs/performance.md; `npm run bench -- outbox 8 peers` measures a group,
 * a row, and the libraries beside us. `--quick`: smaller, under three minutes, and only lost or disordered rows fail it.
 * `--json`: an array of results and nothing else. Exits 1 where a gate is missed.
 */
import { ownPostgres, sharedPostgres } from '../harness/index.ts';
import { chooseBenchmarks } from './benchmarks.ts';
import type { Result } from './harness/result.ts';
import { runBenchmark } from './harness/run-benchmark.ts';
import { createScene } from './harness/scene.ts';
import { readOptions } from './options.ts';
import { measurePeers, type PeerResult } from './peers/peers.ts';
import { headline, peerLine, resultLine } from './report/lines.ts';
import { describeMachine } from './report/machine.ts';
import { writePage } from './report/write-page.ts';

/** So that no checkpoint falls into one side of a round. Durability is as it comes: fsync and synchronous commits. */
const settings = ['shared_buffers=512MB', 'max_wal_size=8GB', 'checkpoint_timeout=1h'];

const { rows, peers: withPeers, whole, quick, json } = readOptions(process.argv.slice(2));
const print = json ? () => {} : console.log;
process.env.HOLDFAST_SERVERS ??= 'local';

const server = await (process.env.HOLDFAST_POSTGRES_URL ? sharedPostgres() : ownPostgres(settings));
const machine = describeMachine(server);
const results: Result[] = [];
print(`Postgres ${machine.postgres}; Node ${machine.node}; ${machine.cpu}\n${headline()}`);
try {
  for (const benchmark of chooseBenchmarks(rows)) {
    const found = await runBenchmark(benchmark, createScene(server, quick));
    results.push(...found);
    for (const result of found) print(resultLine(result));
  }
} finally {
  await server.close();
}
const peers: PeerResult[] = [];
for await (const peer of withPeers ? measurePeers(quick) : []) {
  peers.push(peer);
  print(peerLine(peer));
}
if (json) console.log(JSON.stringify(results, undefined, 2));
if (whole && !quick) await writePage({ machine, results, peers });

const missed = results.filter(({ ok, group }) => !ok && (!quick || group === 'loss'));
for (const { row, name } of missed) print(`row ${row}, ${name}: the gate is missed`);
process.exitCode = missed.length > 0 ? 1 : 0;
