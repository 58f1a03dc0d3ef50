import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { type Account, isRight, isSettled, takeAccount } from './account.ts';
import { breaks, orderByCommitId } from './breaks.ts';
import { startBroker } from './broker.ts';
import { placeOrders } from './customers.ts';
import { openDatabase, prepare, schema } from './database.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { type Faults, type Redriven, startFaults } from './faults.ts';
import { freePort } from './free-port.ts';
import { tableHead } from './live-table.ts';
import { readOptions } from './options.ts';
import { type Processes, startProcesses } from './processes.ts';
import { seeded } from './random.ts';
import { showReadings } from './readings.ts';

/** How long nothing may move before what is missing counts as lost. */
const patienceMs = 12_000;

const options = readOptions(process.argv);
const print = (line: string): void => void (options.json || process.stdout.write(`${line}\n`));

const run = async (databaseUrl: string, brokerUrl: string): Promise<boolean> => {
  const opened = openDatabase(databaseUrl);
  await prepare(opened);
  if (options.break === 'order-by-commit-id') await orderByCommitId(opened.pool, schema);
  const port = await freePort();
  const { seconds, seed } = options;
  const faults = options.faults && (await startFaults({ opened, seconds, random: seeded(seed + 2), print }));
  const processes = startProcesses([
    '--database-url',
    databaseUrl,
    '--port',
    String(port),
    '--transport',
    options.transport,
    '--broker-url',
    brokerUrl,
    ...(faults ? ['--bank-url', faults.bankUrl] : []),
    ...(options.break ? ['--break', options.break] : []),
  ]);
  try {
    await processes.ready();
    return await watch({ opened, processes, faults, url: `http://127.0.0.1:${port}` });
  } finally {
    await processes.stop();
    await faults?.close();
    await opened.pool.end();
  }
};

interface Running {
  readonly opened: ReturnType<typeof openDatabase>;
  readonly processes: Processes;
  readonly faults: Faults | undefined;
  /** Of the shop. */
  readonly url: string;
}

const watch = async ({ opened, processes, faults, url }: Running): Promise<boolean> => {
  const { seconds, rate, seed, orders } = options;
  print(`${orders} orders at ${rate}/s; a process is killed every second for ${seconds} s. Seed ${seed}.`);
  if (options.break) print(`Planted bug: ${breaks[options.break]}.`);
  print(tableHead());
  const startedAt = performance.now();
  const ending = new AbortController();
  const readings = showReadings(opened, processes, print);
  const customers = seeded(seed + 1);
  const totalOf = faults?.totalOf ?? (() => 1 + Math.floor(customers() * 100));
  const placing = placeOrders({ url, orders, rate, random: customers, totalOf, signal: ending.signal });
  faults?.begin();

  const random = seeded(seed);
  for (let second = 1; second <= seconds; second++) {
    await pause(Math.max(0, startedAt + second * 1_000 - performance.now()));
    readings.killed(processes.killOne(random));
  }
  ending.abort();
  await placing;
  const redriven = await faults?.redriveAll();
  const account = await drain(opened.pool);
  await readings.stop();
  return conclude({ account, processes, redriven, seconds: (performance.now() - startedAt) / 1_000 });
};

/** Waits until everything placed is billed and shipped, or nothing has moved for as long as patience lasts. */
const drain = async (pool: pg.Pool): Promise<Account> => {
  let account = await takeAccount(pool);
  let movedAt = performance.now();
  while (!isSettled(account) && performance.now() - movedAt < patienceMs) {
    await pause(200);
    const next = await takeAccount(pool);
    if (next.lost !== account.lost) movedAt = performance.now();
    account = next;
  }
  return account;
};

interface Ended {
  readonly account: Account;
  readonly processes: Processes;
  /** Undefined without `--faults`. */
  readonly redriven: Redriven | undefined;
  readonly seconds: number;
}

const conclude = ({ account, processes, redriven, seconds }: Ended): boolean => {
  const { kills, crashes, counts } = processes;
  const shown = redriven === undefined || (redriven.letters > 0 && redriven.missed.length === 0);
  const ok = isRight(account) && kills >= options.seconds / 2 && shown;
  const { placed, billed, shipped, lost, double, outOfOrder } = account;
  if (options.json) {
    const result = {
      ...account,
      kills,
      ...(redriven === undefined ? {} : { crashes, redriven: redriven.letters, missed: redriven.missed }),
      duplicatesCaught: counts.duplicates,
      seconds: Math.round(seconds * 10) / 10,
      ok,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return ok;
  }
  print('');
  print(`placed ${placed}, billed ${billed}, shipped ${shipped}`);
  print(`${lost} lost, ${double} double, ${outOfOrder} out of order per customer`);
  if (redriven !== undefined) {
    print(`${crashes} processes ended by the order that kills, ${redriven.letters} dead letters redriven`);
    if (redriven.missed.length > 0) print(`faults that did not come: ${redriven.missed.join(', ')}`);
  }
  print(`${kills} processes killed, ${counts.duplicates} duplicates caught, ${seconds.toFixed(1)} s`);
  print(ok ? 'The account balances.' : 'THE ACCOUNT DOES NOT BALANCE.');
  return ok;
};

const main = async (): Promise<boolean> => {
  if (options.transport !== 'postgres') print(`Over ${options.transport}.`);
  const broker = await startBroker(options);
  try {
    if (options.databaseUrl !== undefined) return await run(options.databaseUrl, broker.brokerUrl);
    print('Starting an embedded Postgres…');
    const postgres = await startEmbeddedPostgres();
    try {
      return await run(postgres.url, broker.brokerUrl);
    } finally {
      await postgres.stop();
    }
  } finally {
    await broker.close();
  }
};

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
