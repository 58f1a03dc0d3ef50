import type { PgClient, PgResult } from './pg-client.ts';
import { quoteLiteral } from './quote-identifier.ts';
import { backendColumns, noteBackend, type TransactionProgress } from './transaction-progress.ts';
import { forgetToken, rememberToken } from './transaction-token.ts';
import { commitError, TransactionFailedError } from './unknown-outcome-error.ts';

export interface PgTransactionOptions {
  /** Transaction-local settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** Called when the connection's state is no longer known. */
  readonly spoil: () => void;
  readonly progress: TransactionProgress;
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
    .map(([name, value]) => `set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true)`)
    .join(', ');
  const text = `begin; select ${backendColumns}, ${set}`;
  try {
    // pg answers a text of several statements with an array, which its types do not say.
    const [, marked] = (await client.query(text)) as unknown as readonly PgResult[];
    noteBackend(progress, marked?.rows[0]);
    rememberToken(client, token);
  } catch (error) {
    spoil();
    throw error;
  }
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
