import type { PgClient, PgResult } from './pg-client.ts';
import { isStale, openSession, type PgSession } from './pg-session.ts';
import { quoteLiteral } from './quote-identifier.ts';
import { backendColumns, noteBackend, type TransactionProgress } from './transaction-progress.ts';
import { forgetToken, rememberToken } from './transaction-token.ts';
import { commitError, TransactionFailedError } from './unknown-outcome-error.ts';

/** Either says where the transaction runs. */
export interface PgProgress extends TransactionProgress {
  session?: PgSession | undefined;
}

export interface PgTransactionOptions {
  /** Transaction-local settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Called when the connection's state is no longer known. */
  readonly spoil: () => void;
  readonly progress: PgProgress;
}

/** BEGIN, work, COMMIT on one client; ROLLBACK when the work rejects. BEGIN and all settings are one round trip. */
export const runPgTransaction = async <Client extends PgClient, T>(
  client: Client,
  work: (tx: Client) => Promise<T>,
  options: PgTransactionOptions,
): Promise<T> => {
  await begin(client, options);
  const value = await workOrRollBack(client, work, options);
  await commit(client, options);
  return value;
};

const begin = async (client: PgClient, { settings, spoil, progress }: PgTransactionOptions): Promise<void> => {
  const token = crypto.randomUUID();
  const set = Object.entries({ ...settings, 'holdfast.tx': token })
    .map(([name, value]) => `; set local ${name} = ${quoteLiteral(value)}`)
    .join('');
  try {
    progress.session = await openSession(client);
    if (progress.session) await client.query(`begin${set}`);
    else await beginPooled(client, `begin${set}`, progress);
    rememberToken(client, token);
  } catch (error) {
    spoil();
    throw error;
  }
};

/** Where each transaction may have another backend, it must be asked for each time. */
const beginPooled = async (client: PgClient, text: string, progress: TransactionProgress): Promise<void> => {
  // pg answers a text of several statements with an array, which its types do not say.
  const results = (await client.query(`${text}; select ${backendColumns}`)) as unknown as readonly PgResult[];
  noteBackend(progress, results.at(-1)?.rows[0]);
};

const workOrRollBack = async <Client extends PgClient, T>(
  client: Client,
  work: (tx: Client) => Promise<T>,
  { spoil }: PgTransactionOptions,
): Promise<T> => {
  try {
    return await work(client);
  } catch (error) {
    await client.query('rollback').catch(spoil);
    if (isStale(error)) spoil();
    throw error;
  } finally {
    forgetToken(client);
  }
};

const commit = async (client: PgClient, { spoil, progress }: PgTransactionOptions): Promise<void> => {
  let command: string;
  try {
    progress.committing = true;
    ({ command } = await client.query('commit'));
  } catch (error) {
    spoil();
    throw commitError(error);
  }
  if (command === 'ROLLBACK') throw new TransactionFailedError();
};
