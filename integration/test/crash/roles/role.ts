import { flushCompileCache } from 'node:module';
import { armTriggerPoints, createRuntime, type Runtime, type Transport, type TriggerPoint } from '@holdfast/core';
import { type Database, pgDatabase } from '@holdfast/postgres';
import { Pool, type PoolClient } from 'pg';
import { type Line, say, told } from '../../../harness/index.ts';
import { type Broker, openTransport } from './open-transport.ts';

/** What every role is told, as JSON in its first argument. */
export interface RoleOptions {
  readonly url: string;
  /** In the history, in what its leases belong to, and in what its connections are called. */
  readonly name: string;
  readonly seed: number;
  readonly leaseMs: number;
  /** Default: messages travel through the database. */
  readonly broker?: Broker | undefined;
  /** The process sends itself `signal` when it reaches the trigger point for the `nth` time. */
  readonly trap?: Trap | undefined;
}

export interface Trap {
  readonly point: TriggerPoint;
  readonly nth: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

export interface Role<Options> {
  readonly options: Options;
  readonly pool: Pool;
  readonly database: Database<PoolClient>;
  readonly runtime: Runtime;
  transport(): Transport;
  /** Says `ready`, and waits until it is told to close or left alone. */
  run(): Promise<void>;
}

const sampleMs = 100;

/** Opens what a process of ours needs. It says how much memory it takes all the time. */
export const openRole = <Options extends RoleOptions>(connections: number): Role<Options> => {
  const options: Options = JSON.parse(process.argv[2] ?? '{}');
  const { url, name, trap } = options;
  const pool = new Pool({
    connectionString: url,
    max: connections,
    application_name: name,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  const runtime = createRuntime({ ids: () => `${name}/${crypto.randomUUID()}` });
  if (trap) arm(trap);
  setInterval(() => say({ rssMb: process.memoryUsage.rss() / 2 ** 20 }), sampleMs).unref();
  const database = pgDatabase(pool, { runtime });
  return {
    ...{ options, pool, runtime, database },
    transport: () => openTransport({ broker: options.broker, database, runtime, leaseMs: options.leaseMs }),
    run: async () => {
      say({ ready: true });
      // At the end is too late for a process that is killed.
      flushCompileCache();
      for await (const { close } of told()) if (close === true) return;
    },
  };
};

/** The last that a process does by its own will: from here on nothing of ours may keep it. Where something does, it says what. */
export const sayClosed = (facts: Line = {}): void => {
  say({ closed: true, ...facts });
  setTimeout(() => say({ kept: process.getActiveResourcesInfo() }), 3_000).unref();
};

/** The signal comes to this process alone and at once: nothing of what follows the point happens before it. */
const arm = ({ point, nth, signal }: Trap): void => {
  let reached = 0;
  armTriggerPoints({
    [point]: () => {
      reached++;
      if (reached !== nth) return;
      say({ trapped: point });
      process.kill(process.pid, signal);
    },
  });
};
