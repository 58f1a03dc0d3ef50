/** Mocha's root hooks for tests with servers; `integration/.mocharc.json` names this file. */
import { setImmediate } from 'node:timers/promises';
import { dropLeftDatabases } from '../brokers/postgres/fresh-database.ts';
import { sharedPostgres } from '../brokers/postgres/shared-postgres.ts';
import { closeSharedServers } from '../brokers/shared-server.ts';
import { fatalWarnings } from './fatal-warnings.ts';
import { endRunningChildren } from './process/spawn-child.ts';

const strays: unknown[] = [];

/** Starts Postgres, which nearly every test needs (the brokers start at their first use), and begins to watch for what no test may cause. */
export const mochaGlobalSetup = async (): Promise<void> => {
  process.on('uncaughtExceptionMonitor', (error) => strays.push(error));
  process.on('warning', (warning) => {
    if (fatalWarnings.has(warning.name)) strays.push(warning);
  });
  endWithLauncher();
  await sharedPostgres();
};

export const mochaGlobalTeardown = async (): Promise<void> => {
  await dropLeftDatabases();
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
