/** Mocha's root hooks for tests with servers; `integration/.mocharc.json` names this file. */
import { setImmediate } from 'node:timers/promises';
import { closeSharedServers } from '../brokers/shared-server.ts';
import { fatalWarnings } from './fatal-warnings.ts';
import { dropLeftDatabases } from './postgres/fresh-database.ts';
import { closeSharedPostgres, sharedPostgres } from './postgres/shared-postgres.ts';
import { endRunningChildren } from './process/spawn-child.ts';

const strays: unknown[] = [];

/** Starts the servers, says which way, and begins to watch for what no test may cause. */
export const mochaGlobalSetup = async (): Promise<void> => {
  process.on('uncaughtExceptionMonitor', (error) => strays.push(error));
  process.on('warning', (warning) => {
    if (fatalWarnings.has(warning.name)) strays.push(warning);
  });
  endWithLauncher();
  const server = await sharedPostgres();
  console.log(`Postgres ${server.version}: ${server.way}, ${new URL(server.url).host}`);
};

export const mochaGlobalTeardown = async (): Promise<void> => {
  await dropLeftDatabases();
  await closeSharedPostgres();
  await closeSharedServers();
};

export const mochaHooks = {
  /** Fails the run for what belongs to no test: unhandled rejections, uncaught errors, leaks that Node warned of, children left. */
  async afterAll(): Promise<void> {
    await setImmediate();
    for (const child of await endRunningChildren()) strays.push(new Error(`nobody ended ${child}`));
    if (strays.length > 0) throw new AggregateError(strays, `outside of the tests: ${strays.join('; ')}`);
  },
};

/** Given flags for Node, Mocha runs as a child of its launcher and is not told when that is killed, by a timeout for example. */
const endWithLauncher = (): void => {
  if (!process.argv[1]?.endsWith('/lib/cli/cli.js')) return;
  const launcher = process.ppid;
  setInterval(() => {
    if (process.ppid !== launcher) process.exit(1);
  }, 500).unref();
};
