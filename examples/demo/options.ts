import { Command, InvalidArgumentError, Option } from 'commander';
import { type BreakName, breaks } from './breaks.ts';
import { type TransportChoice, transportNames } from './transport.ts';

export interface DemoOptions {
  readonly orders: number;
  readonly seconds: number;
  /** Orders a second. */
  readonly rate: number;
  readonly seed: number;
  readonly transport: TransportChoice['transport'];
  readonly brokerUrl?: string;
  readonly databaseUrl?: string;
  readonly json?: true;
  readonly break?: BreakName;
  readonly faults?: true;
}

const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError(`expected a number above 0, found "${text}".`);
  return value;
};

const wholeNumber = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError(`expected a whole number, found "${text}".`);
  return value;
};

export const readOptions = (args: readonly string[]): DemoOptions => {
  const given = command().parse(args).opts<Partial<DemoOptions> & Pick<DemoOptions, 'rate' | 'seed' | 'transport'>>();
  const seconds = given.seconds ?? (given.orders === undefined ? 15 : given.orders / given.rate);
  return { ...given, seconds, orders: Math.round(given.orders ?? seconds * given.rate) };
};

const command = (): Command =>
  new Command('demo')
    .description('Orders flow from a shop through an outbox, a transport and two consumers while processes are killed.')
    .option(
      '--seconds <n>',
      'how long orders are placed and processes killed (default: orders / rate, or 15)',
      positive,
    )
    .option('--rate <n>', 'orders a second', positive, 100)
    .option('--orders <n>', 'how many orders (default: seconds times rate)', positive)
    .option('--seed <n>', 'the same seed picks the same customers and kills', wholeNumber, Date.now() % 100_000)
    .option('--database-url <url>', 'a Postgres to use instead of an embedded one; its demo tables are emptied')
    .addOption(
      new Option('--transport <name>', 'what messages travel over').choices(transportNames).default('postgres'),
    )
    .option(
      '--broker-url <url>',
      'a broker to use instead of one that is started: host:port,… or amqp://… or redis://…; the demo leaves topics of its own there',
    )
    .option('--json', 'print one object instead of the table')
    .option(
      '--faults',
      'the card network fails, goes away and refuses cards, and one order kills its process; dead letters are redriven at the end',
    )
    .addOption(
      new Option('--break <name>', 'plant a bug; the account must come out wrong').choices(Object.keys(breaks)),
    );
