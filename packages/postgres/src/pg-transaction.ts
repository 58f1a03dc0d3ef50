import { askPg } from './ask-pg.ts';
import type { Row, Statement } from './database.ts';
import { inlineStatement } from './inline-statement.ts';
import type { PgClient, PgResult } from './pg-client.ts';
import { isSpent, openSession, type PgSession, queryPg } from './pg-session.ts';
import { quoteLiteral } from './quote-identifier.ts';
import { sqlState } from './sql-state.ts';
import { backendColumns, noteBackend, type TransactionProgress } from './transaction-progress.ts';
import { forgetToken, rememberToken } from './transaction-token.ts';
import { commitError, TransactionFailedError } from './unknown-outcome-error.ts';

/** Either says where the transaction runs. */
export interface PgProgress extends TransactionProgress {
  session?: PgSession | undefined;
}

export interface PgTransactionOptions {
  /** BEGIN and what is set for every transaction. */
  readonly begin: string;
  readonly opening: Statement | undefined;
  /** Called when the connection's state is no longer known. */
  readonly spoil: () => void;
  readonly progress: PgProgress;
}

/** The text that begins a transaction with these settings, which end with it. */
export const beginWith = (settings: Readonly<Record<string, string>>): string =>
  ['begin', ...Object.entries(settings).map(([name, value]) => `set local ${name} = ${quoteLiteral(value)}`)].join(
    '; ',
  );

/** BEGIN, work, COMMIT on one client; ROLLBACK when the work rejects. BEGIN, all settings and the opening are one round trip. */
export const runPgTransaction = async <Client extends PgClient, T>(
  client: Client,
  work: (tx: Client, opened: readonly Row[]) => Promise<T>,
  options: PgTransactionOptions,
): Promise<T> => {
  const opened = await begin(client, options);
  const value = await workOrRollBack(client, () => work(client, opened), options);
  await commit(client, options);
  return value;
};

const begin = async (client: PgClient, options: PgTransactionOptions): Promise<readonly Row[]> => {
  const { opening, spoil, progress } = options;
  const token = nextToken();
  const text = `${options.begin}; set local holdfast.tx = '${token}'`;
  try {
    const session = openSession(client);
    progress.session = session instanceof Promise ? await session : session;
    const opened = await (progress.session === undefined
      ? beginPooled(client, text, options)
      : beginStraight(client, text, options));
    rememberToken(client, token);
    return opened;
  } catch (error) {
    // What the opening failed with leaves a transaction that can be rolled back; what BEGIN failed with, nobody knows.
    if (opening === undefined || sqlState(error) === undefined || isSpent(error)) spoil();
    else await askPg(client, { text: 'rollback' }).catch(spoil);
    throw error;
  }
};

/** Of each transaction another one, in all processes. */
const ofProcess = crypto.randomUUID();
let transactions = 0;
const nextToken = (): string => `${ofProcess}/${++transactions}`;

const beginStraight = async (
  client: PgClient,
  text: string,
  { opening }: PgTransactionOptions,
): Promise<readonly Row[]> => {
  if (opening !== undefined)
    return lastRows(await askPg(client, { text: `${text}; ${inlineStatement(client, opening)}` }));
  await askPg(client, { text });
  return [];
};

/** Where each transaction may have another backend, it must be asked for each time, before anything can wait for long. */
const beginPooled = async (
  client: PgClient,
  text: string,
  { opening, progress }: PgTransactionOptions,
): Promise<readonly Row[]> => {
  noteBackend(progress, lastRows(await askPg(client, { text: `${text}; select ${backendColumns}` }))[0]);
  return opening === undefined ? [] : await queryPg(client, opening.text, opening.values);
};

/** pg answers a text of several statements with an array, which its types do not say. */
const lastRows = (results: PgResult | readonly PgResult[]): readonly Row[] =>
  (Array.isArray(results) ? (results.at(-1) as PgResult) : (results as PgResult)).rows;

const workOrRollBack = async <T>(
  client: PgClient,
  work: () => Promise<T>,
  { spoil }: PgTransactionOptions,
): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    await askPg(client, { text: 'rollback' }).catch(spoil);
    if (isSpent(error)) spoil();
    throw error;
  } finally {
    forgetToken(client);
  }
};

const commit = async (client: PgClient, { spoil, progress }: PgTransactionOptions): Promise<void> => {
  let command: string;
  try {
    progress.committing = true;
    ({ command } = await askPg(client, { text: 'commit' }));
  } catch (error) {
    spoil();
    throw commitError(error);
  }
  if (command === 'ROLLBACK') throw new TransactionFailedError();
};
