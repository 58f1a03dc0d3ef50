import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../harness/free-port.ts';
import { ask, askUntilAnswered } from '../ask.ts';
import { findCommand } from '../local/find-command.ts';
import { localServer, serverFolder } from '../local/local-server.ts';
import { startServerProcess } from '../local/server-process.ts';
import { notInstalled } from '../not-installed.ts';
import type { Server, ServerSettings } from '../server.ts';
import { localRedis } from './local-redis.ts';
import type { RedisServer } from './redis-server.ts';
import { redisVersion } from './redis-version.ts';

/** A primary with one replica, and three sentinels that agree on which of them is the primary. */
export interface SentinelRedis {
  /** What the sentinels call it. */
  readonly name: string;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** The one that is the primary at first, and the one that is its replica. */
  readonly servers: readonly [RedisServer, RedisServer];
  /** Where the sentinels say that the primary is. */
  primaryPort(): Promise<number>;
  close(): Promise<void>;
}

const name = 'holdfast';
const quorum = 2;
const host = '127.0.0.1';

/** Starts them as processes of this machine whatever the other servers run in: they must reach one another. */
export const localRedisSentinels = async ({ config }: ServerSettings = {}): Promise<SentinelRedis> => {
  const started: Pick<Server, 'close'>[] = [];
  const close = async (): Promise<void> => {
    for (const server of started.toReversed()) await server.close();
  };
  const start = async <S extends Pick<Server, 'close'>>(server: Promise<S>): Promise<S> => {
    started.push(await server);
    return server;
  };
  try {
    const primary = await start(localRedis({ config: { ...config, 'repl-diskless-sync-delay': '0' } }));
    const replicaof = `${host} ${portOf(primary)}`;
    const replica = await start(localRedis({ config: { ...config, 'repl-diskless-sync-delay': '0', replicaof } }));
    await until(replica.url, /master_link_status:up/, 'replication');
    const sentinels: { readonly host: string; readonly port: number }[] = [];
    for (let n = 0; n < 3; n++) {
      const port = await freePort();
      await start(sentinel(port, portOf(primary)));
      sentinels.push({ host, port });
    }
    for (const { port } of sentinels) await until(`redis://${host}:${port}`, /slaves=1,sentinels=3/, 'sentinel');
    const primaryPort = (): Promise<number> => askPrimary(sentinels[0]?.port ?? 0);
    return { name, sentinels, servers: [primary, replica], primaryPort, close };
  } catch (error) {
    await close();
    throw error;
  }
};

const portOf = ({ url }: RedisServer): number => Number(new URL(url).port);

/** A sentinel writes what it learns into its own configuration. */
const sentinel = (port: number, primaryPort: number): Promise<Server<'fast'>> => {
  const file = findCommand('redis-server');
  if (file === undefined) throw notInstalled('Redis', 'there is no redis-server');
  const folder = serverFolder('sentinel');
  const configFile = join(folder.path, 'sentinel.conf');
  const lines = [
    ...[
      `port ${port}`,
      `bind ${host}`,
      `dir ${folder.path}`,
      `sentinel monitor ${name} ${host} ${primaryPort} ${quorum}`,
    ],
    ...[`sentinel down-after-milliseconds ${name} 1000`, `sentinel failover-timeout ${name} 5000`],
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  // A sentinel knows no QUIT.
  const question = { ...redisVersion(host, port), bytes: Buffer.from('INFO\r\nPING\r\n') };
  return localServer({
    folder,
    launch: () =>
      startServerProcess({
        name: 'Redis Sentinel',
        file,
        args: [configFile, '--sentinel'],
        folder: folder.path,
        logFile: join(folder.path, 'sentinel.log'),
        answering: (assertAlive) => askUntilAnswered(question, assertAlive),
      }),
    version: () => ask(question),
    signals: { fast: 'SIGTERM' },
  });
};

const until = async (url: string, says: RegExp, section: string): Promise<void> => {
  const client = new Redis(url);
  try {
    while (!says.test(await client.info(section))) await sleep(50);
  } finally {
    client.disconnect();
  }
};

const askPrimary = async (port: number): Promise<number> => {
  const client = new Redis(port, host);
  try {
    const found = await client.call('SENTINEL', 'get-master-addr-by-name', name);
    return Number((found as string[])[1]);
  } finally {
    client.disconnect();
  }
};
